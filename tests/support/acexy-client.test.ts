import { describe, expect, test } from 'bun:test'
import { AcexyClient, ViewerRefused } from './acexy-client.ts'
import { VirtualClock } from './virtual-clock.ts'

/*
 * These tests compare the client with recordings of the newest acexy (scenario numbers as in tests/fixtures/acexy): when
 * acexy sent its POSTs, and what its viewer got.
 */

const OPEN = { can_provision: true, blocked_reason: null, blocked_reason_details: null }
const REFUSAL = {
  error: 'provisioning_blocked',
  code: 'vpn_disconnected',
  message: 'no VPN',
  recovery_eta_seconds: 4,
  can_retry: true,
  should_wait: true,
}
const PERMANENT = { ...REFUSAL, code: 'general_error', recovery_eta_seconds: null, should_wait: false }
const PROVISIONED = {
  container_id: 'e1',
  container_name: 'engine-1',
  host_http_port: 40_001,
  container_http_port: 40_001,
  container_https_port: 45_001,
}
const NEVER = Symbol('never answered')

const listedEngine = (container_id: string, change: object = {}) => ({
  container_id,
  container_name: null,
  host: '127.0.0.1',
  port: 40_001,
  labels: {},
  forwarded: false,
  first_seen: '2026-01-01T12:00:00Z',
  last_seen: '2026-01-01T12:00:00.5Z',
  health_status: 'healthy',
  last_stream_usage: null,
  streams: [],
  ...change,
})

const startedStream = { id: 'a|b', is_live: true, started_at: '2026-01-01T12:00:00Z', status: 'started' }

interface Script {
  readonly provisioning?: object
  /** The answer of `GET /engines` this many seconds after the viewer's request. */
  readonly engines?: (atSeconds: number) => unknown
  readonly enginesStatus?: number
  readonly streams?: Readonly<Record<string, readonly object[]>>
  readonly post?: { readonly status: number; readonly body: unknown } | typeof NEVER
}

interface Outcome {
  /** Seconds from the viewer's request to each POST. */
  readonly posts: readonly number[]
  /** Seconds from the viewer's request to each GET of the engines. */
  readonly looks: readonly number[]
  /** The container that is used, `fallback`, or the message of the refusal with the seconds of its Retry-After. */
  readonly result: string
  readonly atSeconds: number
}

/** Runs one viewer's request against an orchestrator that answers according to the script, on a virtual clock. */
async function selectWith(script: Script, maxStreamsPerEngine = 1): Promise<Outcome> {
  const clock = new VirtualClock()
  const startMs = clock.now()
  const seconds = () => (clock.now() - startMs) / 1_000
  const posts: number[] = []
  const looks: number[] = []
  const send = (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/orchestrator/status') return json(200, { provisioning: script.provisioning ?? OPEN })
    if (pathname === '/streams')
      return json(200, script.streams?.[searchParams.get('container_id') ?? ''] ?? [])
    if (pathname === '/engines') {
      looks.push(seconds())
      return json(script.enginesStatus ?? 200, script.engines?.(seconds()) ?? [])
    }
    posts.push(seconds())
    const { post = { status: 200, body: PROVISIONED } } = script
    return post === NEVER ? rejectedAtAbort(request.signal) : json(post.status, post.body)
  }
  const acexy = new AcexyClient({ url: 'http://orchestrator', clock, send, maxStreamsPerEngine })
  await acexy.start()
  const ends: Pick<Outcome, 'result' | 'atSeconds'>[] = []
  const note = (result: string) => void ends.push({ result, atSeconds: seconds() })
  acexy.select().then(
    ({ containerId, host, port }) =>
      note(containerId === null ? 'fallback' : `${containerId} at ${host}:${port}`),
    (error: unknown) => {
      if (!(error instanceof ViewerRefused)) throw error
      note(`${error.message}, ${error.retryAfterSeconds}`)
    },
  )
  for (let step = 0; step < 600 && ends.length === 0; step++) await clock.advance(500)
  acexy.stop()
  const [end] = ends
  if (end === undefined) throw new Error('acexy still waits after five minutes')
  return { posts, looks, ...end }
}

const json = (status: number, body: unknown): Promise<Response> =>
  Promise.resolve(typeof body === 'string' ? new Response(body, { status }) : Response.json(body, { status }))

function rejectedAtAbort(signal: AbortSignal): Promise<Response> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

describe('provisioning as the newest acexy does it', () => {
  const refused = (status: number, detail: unknown) => ({ post: { status, body: { detail } } })
  const cases: readonly (readonly [string, Script, Partial<Outcome>])[] = [
    [
      '04a: listed at once',
      { engines: (at) => (at < 1 ? [] : [listedEngine('e1')]) },
      { posts: [0], looks: [0, 5], result: 'e1 at localhost:40001', atSeconds: 5 },
    ],
    [
      '04b: never listed, used all the same',
      {},
      { posts: [0], looks: [0, 5], result: 'e1 at localhost:40001', atSeconds: 10 },
    ],
    ['05: slower than 3 s', { post: NEVER }, { posts: [0, 3, 6], result: 'fallback', atSeconds: 9 }],
    [
      '06: a text with VPN',
      refused(503, 'VPN not available'),
      { posts: [0, 30, 90], result: 'vpn_disconnected: VPN not available, 60' },
    ],
    ['07: an object', refused(503, REFUSAL), { posts: [0, 2, 6], result: 'vpn_disconnected: no VPN, 4' }],
    [
      '07 with an eta of one second',
      refused(503, { ...REFUSAL, recovery_eta_seconds: 1 }),
      { posts: [0, 0, 1] },
    ],
    [
      '08a: a text without a known word',
      refused(500, 'Image not found'),
      { posts: [0], result: 'general_error: Image not found, 0' },
    ],
    [
      '08b: an object that says not to wait',
      refused(500, PERMANENT),
      { posts: [0], result: 'general_error: no VPN, 0' },
    ],
    [
      '08c: plain text',
      { post: { status: 500, body: 'Internal Server Error' } },
      { posts: [0, 0, 0], result: 'fallback' },
    ],
    ['08d: an array', refused(422, [{ msg: 'missing' }]), { posts: [0, 0, 0], result: 'fallback' }],
    ['08f: a text with circuit breaker', refused(503, 'circuit breaker is open'), { posts: [0, 90, 270] }],
    [
      'an eta that is no integer',
      refused(503, { ...REFUSAL, recovery_eta_seconds: 1.5 }),
      { posts: [0, 0, 0], result: 'fallback' },
    ],
    [
      '09a: the status says no, with details',
      { provisioning: { ...OPEN, can_provision: false, blocked_reason_details: REFUSAL } },
      { posts: [], result: 'vpn_disconnected: no VPN, 4' },
    ],
    [
      '09c: the status says no, without details',
      { provisioning: { ...OPEN, can_provision: false, blocked_reason: 'VPN disconnected' } },
      { posts: [], result: 'cannot provision: VPN disconnected, 0' },
    ],
    ['15a: no list of engines', { enginesStatus: 500 }, { posts: [], result: 'fallback' }],
    [
      '15c: times without a zone',
      { engines: () => [listedEngine('e1', { first_seen: '2026-01-01T12:00:00' })] },
      { posts: [], result: 'fallback' },
    ],
  ]
  test.each(cases)('%s', async (_, script, expected) =>
    expect(await selectWith(script)).toMatchObject(expected),
  )
})

describe('selection as the newest acexy does it', () => {
  const usedAt = (time: string) => ({ last_stream_usage: `2026-01-01T${time}Z` })

  test('19a: healthy, fewest streams, forwarded, used longest ago', async () => {
    const engines = [
      listedEngine('unhealthy', { health_status: 'unhealthy' }),
      listedEngine('forwarded', { forwarded: true }),
      listedEngine('used-late', usedAt('11:00:00')),
      listedEngine('used-early', usedAt('10:00:00')),
    ]
    const script = { engines: () => engines, streams: { forwarded: [startedStream] } }
    expect((await selectWith(script, 2)).result).toStartWith('used-early ')
    expect((await selectWith({ engines: () => engines }, 2)).result).toStartWith('forwarded ')
  })

  test('19b: one that is not healthy is better than a new one', async () => {
    const engines = () => [listedEngine('sick', { health_status: 'unhealthy' })]
    expect(await selectWith({ engines })).toMatchObject({ posts: [], result: 'sick at 127.0.0.1:40001' })
  })

  test('among equals the first is used', async () => {
    const engines = () => [listedEngine('second'), listedEngine('first')]
    expect((await selectWith({ engines })).result).toStartWith('second ')
  })

  test('an engine whose streams are not understood is passed over', async () => {
    const engines = () => [listedEngine('odd'), listedEngine('good')]
    const streams = { odd: [{ ...startedStream, is_live: 1 }] }
    expect((await selectWith({ engines, streams })).result).toStartWith('good ')
  })

  test('one with all streams that it may have leaves only a new one', async () => {
    const engines = () => [listedEngine('full')]
    const streams = { full: [startedStream] }
    expect(await selectWith({ engines, streams })).toMatchObject({ posts: [0] })
  })
})
