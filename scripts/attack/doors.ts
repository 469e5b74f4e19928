import type { Attack } from './target.ts'
import { atOnce, nameOf, say, statusIn, Tally } from './tools.ts'

const PLACES = 8
const SILENT_MS = 3_000
/** An answer to a malformed request has a few kilobytes at most. A page with a stack trace has fifty and more. */
const ANSWER_BYTES_MAX = 16_384
/** Words that only a development page contains. */
const INNER_WORDS = /<html|\bat \S+ \(|node_modules|\/src\//i

/** A name that somebody else may have pointed at us. */
const STRANGER = 'the Host of a stranger'

const HEADS: Readonly<Record<string, string>> = {
  'a blank in Host': 'GET /health/status HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n',
  'an open bracket': 'GET /health/status HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n',
  'a port that is none': 'GET /health/status HTTP/1.1\r\nHost: a:99999999\r\nConnection: close\r\n\r\n',
  'an empty Host': 'GET /health/status HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n',
  'a path in Host': 'GET /health/status HTTP/1.1\r\nHost: a/b?c#d\r\nConnection: close\r\n\r\n',
  'two of them': 'GET /health/status HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
  'a long Host': `GET /health/status HTTP/1.1\r\nHost: ${'a'.repeat(8_000)}\r\nConnection: close\r\n\r\n`,
  [STRANGER]: 'GET /health/status HTTP/1.1\r\nHost: rebound.example.org\r\nConnection: close\r\n\r\n',
  'none in HTTP/1.1': 'GET /health/status HTTP/1.1\r\nConnection: close\r\n\r\n',
  'a target with a host': 'GET http://a%20b/health/status HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n',
  'no path': 'GET * HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n',
  'no HTTP': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
}

/** The health check of HAProxy and similar load balancers, which must be answered. */
const OLD_CHECK = 'GET /healthz HTTP/1.0\r\n\r\n'

/** Sends requests with a malformed Host, or without one. */
export const malformedHosts: Attack = async ({ near, far, seconds }) => {
  const complaints = new Set<string>()
  const statuses = new Tally()
  const heads = Object.entries(HEADS)
  let most = 0
  const send = async (turn: number, place: number): Promise<void> => {
    const [name, head] = heads[(turn + place) % heads.length] ?? ['', '']
    const answer = await say(far, head, SILENT_MS)
    statuses.add(statusIn(answer))
    most = Math.max(most, answer.length)
    if (answer.length > ANSWER_BYTES_MAX) complaints.add(`${name}: an answer of ${answer.length} bytes`)
    if (name === STRANGER && statusIn(answer) === '200') complaints.add(`${name} was let in`)
    if (INNER_WORDS.test(answer)) complaints.add(`${name}: an answer with inner words`)
    const old = statusIn(await say(near, OLD_CHECK, SILENT_MS))
    if (old !== '200') complaints.add(`HTTP/1.0 without a Host was answered with ${old}`)
  }
  await atOnce({ places: PLACES, seconds }, send, (error) => statuses.add(nameOf(error)))
  return { notes: [`${statuses}; the longest answer has ${most} bytes`], complaints: [...complaints] }
}

/** More callers than may wait for their answers at a time. */
const CALLERS = 300

/** Sends wrong keys from many callers at once. */
export const wrongKeys: Attack = async ({ far, seconds }) => {
  const statuses = new Tally()
  const { host } = new URL(far)
  const send = async (turn: number, place: number): Promise<void> => {
    const key = `wrong-${place}-${turn}`
    const head = `POST /provision/acestream HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\n`
    const answer = await say(far, `${head}Content-Length: 2\r\nConnection: close\r\n\r\n{}`, SILENT_MS)
    statuses.add(statusIn(answer))
  }
  await atOnce({ places: CALLERS, seconds }, send, (error) => statuses.add(nameOf(error)))
  const complaints = statuses.of(200) === 0 ? [] : [`${statuses.of(200)} wrong keys were accepted`]
  return { notes: [`by ${CALLERS} callers: ${statuses}`], complaints }
}
