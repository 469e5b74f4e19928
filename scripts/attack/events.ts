import type { Attack, Outcome, Target } from './target.ts'
import { atOnce, keyed, nameOf, Tally } from './tools.ts'

/**
 * How many reports are sent at a time. Each sender waits for its answer, which gives the highest rate that one thread can
 * take.
 */
const PLACES = 4
const PATIENCE_MS = 20_000

/** The longest texts that the schemas of events accept, in characters. Each character here has three bytes. */
const CHARACTER = '語'
const NAME = 255
const ID = 2_304
/** All labels together may have 8,192 characters, including their names. */
const LONG: Length = {
  url: 2_048,
  labels: { a: longest(ID), b: longest(ID), c: longest(8_192 - 3 * ID - 'stream_idabc'.length) },
}

/** An address reserved for documentation, which no engine has. */
export const NOBODY: At = { host: '192.0.2.1', port: 6878 }

/** Starts and ends streams on an unknown engine. Every fourth stream is never ended. */
export const longEvents: Attack = (target) =>
  reportAll(target, async (post, turn) => {
    const id = longest(ID, crypto.randomUUID())
    await post('/events/stream_started', startOf(id, NOBODY, LONG))
    if (turn % 4 !== 0) await post('/events/stream_ended', { stream_id: id, reason: longest(NAME) })
  })

/** Starts streams on the existing engines. None of them plays, and their ends are never reported. */
export const tiedEvents: Attack = async (target) => {
  const answer = await fetch(`${target.near}/engines`)
  const engines = (await answer.json()) as readonly At[]
  return reportAll(target, async (post, turn) => {
    const at = engines[turn % engines.length] ?? NOBODY
    await post('/events/stream_started', startOf(longest(ID, crypto.randomUUID()), at, LONG))
  })
}

type Post = (path: string, body: unknown) => Promise<void>

/** Reports from all places at once, again and again. Every event has to be accepted. */
async function reportAll(
  { far, key, seconds }: Target,
  report: (post: Post, turn: number) => Promise<void>,
): Promise<Outcome> {
  const statuses = new Tally()
  const headers = keyed(key)
  let bytes = 0
  const post: Post = async (path, body) => {
    const text = JSON.stringify(body)
    bytes = Math.max(bytes, Buffer.byteLength(text))
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const answer = await fetch(`${far}${path}`, { method: 'POST', headers, body: text, signal })
    await answer.arrayBuffer()
    statuses.add(answer.status)
  }
  const onFailure = (error: Error) => statuses.add(nameOf(error))
  await atOnce({ places: PLACES, seconds }, (turn) => report(post, turn), onFailure)
  const refused = statuses.names().filter((name) => name !== '200')
  const rate = Math.round(statuses.of(200) / seconds)
  return {
    notes: [`events of up to ${bytes} bytes: ${statuses}; ${rate} a second accepted`],
    complaints: refused.map((name) => `${statuses.of(name)} events were not accepted: ${name}`),
  }
}

/** The address of an engine. */
interface At {
  readonly host: string
  readonly port: number
}

/** The length of a start event: the characters of each URL, and the labels besides the stream's id. */
interface Length {
  readonly url: number
  readonly labels: Readonly<Record<string, string>>
}

/** Makes the start event of a stream on an engine. */
export function startOf(streamId: string, { host, port }: At, { url: length, labels }: Length) {
  const url = (of: string) => longest(length, `http://${host}:${port}/ace/${of}/`)
  return {
    container_id: longest(NAME),
    engine: { host, port },
    stream: { key_type: 'url', key: url('key') },
    session: {
      playback_session_id: longest(NAME),
      stat_url: url('stat'),
      command_url: url('cmd'),
      is_live: 1,
    },
    labels: { stream_id: streamId, ...labels },
  }
}

/** Makes a text of this many characters. */
function longest(length: number, beginning = ''): string {
  return beginning.padEnd(length, CHARACTER)
}
