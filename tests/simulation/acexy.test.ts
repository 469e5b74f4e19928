import { describe, expect, test } from 'bun:test'
import { Acexy, type Choice, type TurnedAway } from './acexy.ts'
import type { Answer, Ask } from './http.ts'
import { seeded } from './random.ts'
import { SimClock, settled } from './sim-clock.ts'
import type { Wait } from './wait-checks.ts'

/** What the orchestrator of a test answers. */
interface Script {
  status?: Answer | null
  engines?: readonly Record<string, unknown>[]
  /** The number of started streams by engine; null for an answer that fails. */
  streams?: Readonly<Record<string, number | null>>
  /** The answers to the POSTs, one after the other; null for none within 3 s. */
  posts?: readonly (Answer | null)[]
}

const OPEN: Answer = { status: 200, body: { provisioning: { can_provision: true } } }
const GIVEN: Answer = { status: 200, body: { container_id: 'new', host_http_port: 19_009 } }

const blocked = (details: object | null): Answer => ({
  status: 200,
  body: {
    provisioning: { can_provision: false, blocked_reason: 'why', blocked_reason_details: details },
  },
})

const refusal = (detail: unknown): Answer => ({ status: 503, body: { detail } })
const object = (eta: number | null, should_wait = true): Answer =>
  refusal({ error: 'e', code: 'some_code', message: 'm', recovery_eta_seconds: eta, should_wait })

/** An acexy beside an orchestrator that answers by a script. Times are seconds since acexy's start. */
class Stage {
  readonly clock = new SimClock(0)
  readonly asked: { readonly s: number; readonly path: string; readonly agent: string | undefined }[] = []
  readonly posts: number[] = []
  readonly waits: Wait[] = []
  readonly acexy: Acexy

  constructor(readonly script: Script) {
    const { clock, posts } = this
    this.acexy = new Acexy('p', {
      clock,
      http: { ask: (ask) => Promise.resolve(this.#answer(ask)) },
      // Its first draw is a patient viewer, and its second a list that can be read.
      random: seeded(1).stream('patient'),
      choices: { saw: () => undefined, chose: () => undefined },
      perEngine: 1,
      apiKey: null,
      sendsKeys: false,
      provision: async () => {
        posts.push(clock.now() / 1_000)
        const answer = this.script.posts?.[posts.length - 1] ?? null
        if (answer === null) await clock.sleep(3_000)
        return answer
      },
      onWait: (_, waits) => this.waits.splice(0, this.waits.length, ...waits),
    })
    this.acexy.begin()
  }

  /** The choice for a viewer, and how long he waited for it. */
  async choose(): Promise<{ readonly got: Choice | TurnedAway; readonly s: number }> {
    const fromMs = this.clock.now()
    let done: { readonly got: Choice | TurnedAway; readonly s: number } | null = null
    void this.acexy.choose({ name: 'v', content: 'c' }).then((got) => {
      done = { got, s: (this.clock.now() - fromMs) / 1_000 }
    })
    await this.pass(400)
    if (done === null) throw new Error('no choice within 400 s')
    return done
  }

  async pass(seconds: number): Promise<void> {
    const untilMs = this.clock.now() + seconds * 1_000
    await settled()
    while (await this.clock.step(untilMs));
  }

  #answer({ method, path, userAgent }: Ask): Answer | null {
    this.asked.push({ s: this.clock.now() / 1_000, path: `${method} ${path}`, agent: userAgent })
    if (path === '/orchestrator/status') return this.script.status ?? null
    if (path === '/engines') return { status: 200, body: (this.script.engines ?? []).map(row) }
    const id = new URL(`http://x${path}`).searchParams.get('container_id') ?? ''
    const n = this.script.streams?.[id] ?? 0
    if (this.script.streams?.[id] === null) return null
    return { status: 200, body: Array.from({ length: n }, () => ({ status: 'started' })) }
  }
}

const row = (own: Record<string, unknown>) => ({
  host: '127.0.0.1',
  port: 19_000,
  labels: {},
  forwarded: false,
  health_status: 'healthy',
  last_stream_usage: null,
  ...own,
})

const chosen = async (script: Script): Promise<string> => {
  const { got } = await new Stage({ status: OPEN, ...script }).choose()
  return 'containerId' in got ? got.containerId : got.by
}

test('the status is read at the start and each 30 s, whoever watches meanwhile', async () => {
  const stage = new Stage({ status: OPEN, engines: [{ container_id: 'a' }] })
  await stage.choose()
  const times = stage.asked.filter(({ path }) => path === 'GET /orchestrator/status').map(({ s }) => s)
  expect(times.slice(0, 4)).toEqual([0, 30, 60, 90])
  expect(new Set(stage.asked.map(({ agent }) => agent))).toEqual(new Set(['Go-http-client/1.1']))
})

test('the list is read again after 2 s, and each engine is asked about for each viewer, in the order of the list', async () => {
  const stage = new Stage({ status: OPEN, engines: [{ container_id: 'a' }, { container_id: 'b' }] })
  await stage.pass(1)
  stage.asked.length = 0
  void stage.acexy.choose({ name: 'v1', content: 'c' })
  await stage.pass(1.9)
  void stage.acexy.choose({ name: 'v2', content: 'c' })
  await stage.pass(0.1)
  void stage.acexy.choose({ name: 'v3', content: 'c' })
  await stage.pass(0)
  const each = ['a', 'b'].map((id) => `GET /streams?container_id=${id}&status=started`)
  expect(stage.asked.map(({ path }) => path)).toEqual([
    ...['GET /engines', ...each],
    ...each,
    ...['GET /engines', ...each],
  ])
})

describe('the choice', () => {
  const used = (second: number) => ({ last_stream_usage: `2026-11-23T12:00:0${second}.000Z` })

  test.each<[string, Script, string]>([
    ['is the first of equals', { engines: [{ container_id: 'a' }, { container_id: 'b' }] }, 'a'],
    [
      'is the engine whose last use is oldest',
      {
        engines: [
          { container_id: 'a', ...used(2) },
          { container_id: 'b', ...used(1) },
        ],
      },
      'b',
    ],
    [
      'is one that was never used before any other',
      { engines: [{ container_id: 'a', ...used(2) }, { container_id: 'b' }] },
      'b',
    ],
    [
      'is a forwarded one before the oldest use',
      { engines: [{ container_id: 'a' }, { container_id: 'b', forwarded: true, ...used(2) }] },
      'b',
    ],
    [
      'is a healthy one before a forwarded one',
      {
        engines: [
          { container_id: 'a', health_status: 'unknown', forwarded: true },
          { container_id: 'b', ...used(1) },
        ],
      },
      'b',
    ],
    [
      'leaves out what has a stream, and what nobody answers for',
      {
        engines: [{ container_id: 'a' }, { container_id: 'b' }, { container_id: 'c' }],
        streams: { a: 1, b: null },
      },
      'c',
    ],
  ])('%s', async (_, script, expected) => {
    expect(await chosen(script)).toBe(expected)
  })
})

describe('without room, a viewer', () => {
  test.each<[string, Answer | null, object]>([
    [
      'is told to come back by the last status',
      blocked({ code: 'c', message: 'm', recovery_eta_seconds: 30, should_wait: true }),
      { got: { by: 'status', retryAfterS: 30 }, s: 0 },
    ],
    [
      'is turned away if waiting does not help',
      blocked({ code: 'c', message: 'm', recovery_eta_seconds: 30, should_wait: false }),
      { got: { by: 'status', retryAfterS: null }, s: 0 },
    ],
    ['is turned away before the first status', null, { got: { by: 'status', retryAfterS: null }, s: 0 }],
  ])('%s', async (_, status, expected) => {
    const stage = new Stage({ status })
    expect(await stage.choose()).toMatchObject(expected)
    expect(stage.posts).toEqual([])
  })

  test('gets what the status of up to 30 s ago allows', async () => {
    const stage = new Stage({ status: OPEN, posts: [GIVEN] })
    await stage.pass(29)
    stage.script.status = blocked(null)
    expect(await stage.choose()).toMatchObject({ got: { by: 'post' } })
  })
})

describe('the POSTs come', () => {
  const VPN = "Cannot provision engine: VPN not available - Gluetun VPN container 'gluetun' is not healthy"
  const turned = (by: string, retryAfterS: number | null, s: number) => ({ got: { by, retryAfterS }, s })

  test.each<[string, readonly (Answer | null)[], readonly number[], object]>([
    [
      'after half of the estimate and all of it',
      Array(3).fill(object(6)),
      [0, 3, 9],
      turned('refusal', 6, 9),
    ],
    ['after half in whole seconds', Array(3).fill(object(5)), [0, 2, 7], turned('refusal', 5, 7)],
    ['at once after 0', Array(3).fill(object(0)), [0, 0, 0], turned('refusal', null, 0)],
    ['at once after null', Array(3).fill(object(null)), [0, 0, 0], turned('refusal', null, 0)],
    ['as each answer says', [object(4), object(300), object(1)], [0, 2, 302], turned('refusal', 1, 302)],
    ['once if waiting does not help', [object(9, false)], [0], turned('refusal', 9, 0)],
    ['for the VPN by its sentence', Array(3).fill(refusal(VPN)), [0, 30, 90], turned('refusal', 60, 90)],
    [
      'for a breaker by its sentence',
      Array(3).fill(refusal('the circuit breaker is open')),
      [0, 90, 270],
      turned('refusal', 180, 270),
    ],
    [
      'for the cap by its sentence',
      Array(3).fill(refusal('maximum capacity reached')),
      [0, 15, 45],
      turned('refusal', 30, 45),
    ],
    ['once for any other sentence', [refusal('no port is free')], [0], turned('refusal', null, 0)],
    ['at once after a list', Array(3).fill(refusal([])), [0, 0, 0], turned('fallback', null, 0)],
    ['at once after 3 s without an answer', [null, null, null], [0, 3, 6], turned('fallback', null, 9)],
  ])('%s', async (_, posts, times, expected) => {
    const stage = new Stage({ status: OPEN, posts })
    expect(await stage.choose()).toMatchObject(expected)
    expect(stage.posts).toEqual([...times])
    const waited = stage.waits.reduce((sum, { seconds }) => sum + seconds, 0)
    expect(waited).toBe(posts[0] === null ? 0 : (times.at(-1) ?? 0))
  })

  test('and after a 200 acexy looks once and goes to its port on this host', async () => {
    const stage = new Stage({ status: OPEN, engines: [row({ container_id: 'a' })], streams: { a: 1 } })
    stage.script.posts = [GIVEN]
    const unlisted = await stage.choose()
    expect(unlisted).toMatchObject({
      got: { containerId: 'new', host: 'localhost', port: 19_009, by: 'post', how: 'promised' },
      s: 10,
    })
    stage.posts.length = 0
    stage.script.engines = [row({ container_id: 'a' }), row({ container_id: 'new' })]
    stage.script.streams = { a: 1, new: 1 }
    const listed = await stage.choose()
    expect(listed).toMatchObject({ got: { host: 'localhost', port: 19_009, how: 'listed' }, s: 5 })
  })
})
