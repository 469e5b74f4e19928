import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type ApiDocument,
  type DocResponse,
  misfits,
  operationsOf,
  resolved,
  TOLERANT,
} from '../../support/api-document.ts'
import { type MadeRequest, requestsOf } from '../../support/api-requests.ts'
import { IMAGE, Rig } from '../../support/rig.ts'

/* Asks the whole application thousands of times, validly and not, and holds each answer to the API document. */

const REQUESTS = 5_000
const SEED = 22

/** It must not come back from anywhere. */
const KEY = 'marked-key-7f3a'

/** What an answer would have of our insides: source, stacks, the database, the key. */
const INSIDES = /node_modules|\.tsx?\b|\bat .+:\d+:\d+|SQLITE|drizzle|SELECT |INSERT |\/src\/|marked-key/i

let rig: Rig
let document: ApiDocument
beforeAll(async () => {
  rig = await new Rig({ API_KEY: KEY, MAX_REPLICAS: '12', PORT_RANGE_HOST: '19000-19099' }).start()
  document = await rig.json<ApiDocument>('GET', '/swagger/json')
})
afterAll(() => rig.dispose())

const keyed = { headers: { authorization: `Bearer ${KEY}` } }

/** Starts engines, a container and a stream, so that requests can name something. */
async function known() {
  const engines = []
  for (let count = 0; count < 3; count++) {
    const answer = await rig.provision(keyed)
    engines.push(
      (await answer.json()) as { container_id: string; container_name: string; host_http_port: number },
    )
  }
  const ids = engines.flatMap(({ container_id, container_name }) => [
    container_id,
    container_id.slice(0, 12),
    container_name,
  ])
  const streams = ['abc|s1', 'abc|s2', 'def|s3']
  // The first engines end soon, and these are started meanwhile.
  const later = Array.from({ length: 6 }, (_, at) => `acestream-${engines.length + 1 + at}`)
  return {
    ...{ id: [...ids, ...later, ...streams], engine: ids, container_id: ids },
    ...{
      stream_id: streams,
      stream: streams,
      image: [IMAGE],
      env: [{}],
      labels: [{}, ...streams.map((stream_id) => ({ stream_id }))],
    },
    ...{ port: engines.map(({ host_http_port }) => host_http_port), host: ['localhost'] },
    ...{
      key: ['test.label'],
      value: ['a=b'],
      since: ['2026-01-01T00:00:00Z'],
      before: ['5', '2027-01-01'],
      cursor: ['3'],
    },
    ...{ demand: [0, 2, 5], last_event_id: ['1', '3.4'], ports: [{}], host_port: [null] },
  }
}

/** What a path or a method that does not exist is answered with. */
const ELSEWHERE: Readonly<Record<string, DocResponse>> = Object.fromEntries(
  Object.entries({ 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed' }).map(
    ([status, name]) => [status, { $ref: `#/components/responses/${name}`, description: '', content: {} }],
  ),
)

interface Answered {
  readonly asked: MadeRequest
  readonly answer: Response
  readonly text: string
}

async function asked(made: MadeRequest): Promise<Answered | null> {
  const { method, target, headers, body } = made
  let init: RequestInit
  try {
    // Some texts can be no header.
    init = { headers: new Headers(headers), ...(body === null ? {} : { body }) }
  } catch {
    return null
  }
  const answer = await rig.during(rig.request(method, target, undefined, init))
  const isFollowed = made.operationId === 'getContainerLogs' && target.includes('follow=true')
  const lasts = answer.headers.get('content-type') === 'text/event-stream' || (isFollowed && answer.ok)
  if (lasts) await answer.body?.cancel()
  return { asked: made, answer, text: lasts ? '' : await answer.text() }
}

/** A parameter that an operation does not have is refused, but not where proxies and platforms ask. */
function strangerComplaints(
  stranger: string | null,
  operation: string,
  { ok }: Response,
  text: string,
): string[] {
  if (TOLERANT.includes(operation)) return text.includes('is not a parameter') ? ['it is not tolerant'] : []
  return stranger !== null && ok ? [`${stranger} is passed over`] : []
}

/** Says what the document does not declare about an answer. */
function complaints({ asked: { operationId, stranger }, answer, text }: Answered): string[] {
  const status = String(answer.status)
  const operation = operationsOf(document).find((each) => each.operationId === operationId)
  const insides = INSIDES.exec(text)
  const told = [
    ...(insides === null ? [] : [`leaks ${insides[0]}`]),
    ...strangerComplaints(stranger, `${operation?.method} ${operation?.path}`, answer, text),
  ]
  const declared = (operation?.responses ?? ELSEWHERE)[status]
  if (declared === undefined) return [...told, `${status} is not declared`]
  const response = resolved(document, declared)
  const [media = '', content] = Object.entries(response.content)[0] ?? []
  const type = answer.headers.get('content-type') ?? ''
  if (type.split(';')[0] !== media) return [...told, `${status} is ${type}, not ${media}`]
  if (!media.endsWith('json')) return told
  const value: unknown = JSON.parse(text)
  const code = (value as { code?: string }).code ?? ''
  const isUnknownCode = content?.examples !== undefined && !(code in content.examples)
  return [
    ...told,
    ...misfits(document, content?.schema ?? {}, value),
    ...(isUnknownCode ? [`${status} has no code ${code}`] : []),
    ...(code === 'internal_error' ? ['an unexpected error'] : []),
  ]
}

test(`${REQUESTS} requests get answers that the document declares, and nothing of our insides`, async () => {
  const made = fc.sample(requestsOf(document, await known(), KEY), { seed: SEED, numRuns: REQUESTS })
  const wrong: string[] = []
  const counts = new Map<string, number>()
  const count = (what: string): void => {
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  for (const each of made) {
    const answered = await asked(each)
    if (answered === null) continue
    const { method, target, body } = each
    const request = `${method} ${target.slice(0, 100)} ${body?.slice(0, 200) ?? ''}`
    wrong.push(...complaints(answered).map((complaint) => `${request}: ${complaint}`))
    count(String(answered.answer.status))
    count(`${each.operationId} ${answered.answer.ok}`)
    if (each.stranger !== null) count('stranger')
  }
  const byStatus = [...counts].filter(([what]) => /^\d+$/.test(what)).toSorted()
  console.log(byStatus.map(([status, times]) => `${status}: ${times}`).join(', '))
  expect(wrong).toEqual([])
  // Each operation did what it is for, and most of them were asked wrongly, too.
  const never = operationsOf(document).filter(({ operationId }) => !counts.has(`${operationId} true`))
  expect(never.map(({ operationId }) => operationId)).toEqual([])
  expect(counts.get('422')).toBeGreaterThan(300)
  expect(counts.get('stranger')).toBeGreaterThan(300)
  expect(rig.logged.filter((line) => INSIDES.test(line))).toEqual([])
  expect(await rig.json<unknown>('GET', '/healthz')).toEqual({ status: 'ok' })
  expect(await rig.json<unknown>('GET', '/readyz')).toEqual({ status: 'ready', reason: null })
}, 600_000)
