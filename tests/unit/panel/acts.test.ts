import { beforeEach, describe, expect, test } from 'bun:test'
import { Acts } from '../../../src/panel/acts/acts.ts'
import {
  drainOrder,
  type Order,
  passOrder,
  provisionOrder,
  scaleOrder,
  stopOrder,
} from '../../../src/panel/acts/orders.ts'
import { Api } from '../../../src/panel/api/api.ts'
import { KeyStore } from '../../../src/panel/state/key.ts'
import { anEngine, aStream } from '../../support/panel-builders.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly key: string | null
  readonly idempotencyKey: string | null
}

/** What a server answers to a missing and to a wrong key, and to a start that it refuses for 5 s. */
const problem = (status: number, body: object): Response => Response.json({ status, ...body }, { status })
const missing = () => problem(401, { code: 'missing_token', detail: 'missing bearer token' })
const wrong = () => problem(403, { code: 'invalid_token', detail: 'invalid token' })
const refused = () =>
  problem(503, {
    code: 'vpn_disconnected',
    message: 'the VPN is down',
    recovery_eta_seconds: 5,
    detail: {
      error: 'provisioning_blocked',
      code: 'vpn_disconnected',
      message: 'the VPN is down',
      recovery_eta_seconds: 5,
    },
  })
const underWay = () =>
  problem(503, {
    code: 'provisioning_in_progress',
    detail: { code: 'provisioning_in_progress', message: 'ask again', recovery_eta_seconds: 2 },
  })
const provisioned = () => Response.json({ container_name: 'acestream-7' })

let clock: VirtualClock
let asked: Asked[]
let answer: (asked: Asked) => Response | Promise<Response>
let texts: Map<string, string>
let key: KeyStore
let acts: Acts

beforeEach(() => {
  clock = new VirtualClock()
  asked = []
  answer = provisioned
  texts = new Map()
  key = new KeyStore({
    getItem: (name) => texts.get(name) ?? null,
    setItem: (name, text) => texts.set(name, text),
    removeItem: (name) => texts.delete(name),
  })
  const fetch = async (url: URL, { method, headers: given }: RequestInit): Promise<Response> => {
    const headers = new Headers(given)
    const one = {
      method: method ?? '',
      path: url.pathname + url.search,
      key: headers.get('authorization'),
      idempotencyKey: headers.get('idempotency-key'),
    }
    asked.push(one)
    return answer(one)
  }
  let filled = 0
  acts = new Acts({
    api: new Api({ root: new URL('http://here/prefix/'), fetch, key: () => key.value }),
    key,
    now: () => clock.now(),
    after: (ms, callback) => clock.after(ms, callback),
    fill: (bytes) => bytes.fill(++filled),
  })
})

const provision = () => acts.of('provision')
const run = (): Promise<void> => provision().run(provisionOrder(acts.clickKey()))

describe('an act', () => {
  test('is asked, then done in the words of the answer, and is told once', async () => {
    const answered = Promise.withResolvers<Response>()
    answer = () => answered.promise
    const running = run()
    expect(provision().state.value).toEqual({ step: 'asked', sinceMs: clock.now() })
    expect(acts.told.value).toBe('')
    answered.resolve(provisioned())
    await running
    expect(provision().state.value).toEqual({ step: 'done', words: 'acestream-7 runs' })
    expect(acts.told.value).toBe('Provision: acestream-7 runs')
    expect(asked).toEqual([
      {
        method: 'POST',
        path: '/prefix/provision/acestream',
        key: null,
        idempotencyKey: `panel-${'01'.repeat(16)}`,
      },
    ])
  })

  test('is sent once, however often it is clicked while it is under way', async () => {
    const answered = Promise.withResolvers<Response>()
    answer = () => answered.promise
    const running = [run(), run(), provision().retry()]
    answered.resolve(provisioned())
    await Promise.all(running)
    expect(asked).toHaveLength(1)
  })

  test('that succeeded is forgotten after a minute; one that failed stays until it is dismissed', async () => {
    await run()
    await clock.advance(60_000)
    expect(provision().state.value).toEqual({ step: 'idle' })
    answer = refused
    await run()
    await clock.advance(3_600_000)
    expect(provision().state.value.step).toBe('failed')
    provision().dismiss()
    expect(provision().state.value).toEqual({ step: 'idle' })
  })

  test('that began again is not forgotten in the minute of its predecessor', async () => {
    await run()
    await clock.advance(59_000)
    await run()
    await clock.advance(2_000)
    expect(provision().state.value.step).toBe('done')
  })

  test('that is refused shows the words of the server and counts its time, and a retry is the same click', async () => {
    answer = refused
    await run()
    expect(provision().state.value).toEqual({
      step: 'failed',
      words: 'the VPN is down',
      retryAtMs: clock.now() + 5_000,
    })
    expect(acts.told.value).toBe('Provision failed: the VPN is down')
    answer = provisioned
    await provision().retry()
    expect(provision().state.value.step).toBe('done')
    expect(asked[1]?.idempotencyKey).toBe(asked[0]?.idempotencyKey ?? '')
    await run()
    expect(asked[2]?.idempotencyKey).not.toBe(asked[0]?.idempotencyKey ?? '')
  })

  test('that goes on without its caller is no failure, and is not asked for again', async () => {
    answer = underWay
    await run()
    const words = 'the engine is being started, and its row shows how far it is'
    expect(provision().state.value).toEqual({ step: 'done', words })
    expect(acts.told.value).toBe(`Provision: ${words}`)
    await clock.advance(600_000)
    expect(asked).toHaveLength(1)
  })

  test('that gets no answer says that it may have been done', async () => {
    answer = () => Promise.reject(new TypeError('Failed to fetch'))
    await run()
    expect(provision().state.value).toEqual({
      step: 'failed',
      words: 'no answer came (Failed to fetch); it may have been done all the same',
      retryAtMs: null,
    })
  })

  test('of one name is one, whoever asks', () => {
    expect(acts.of('drain a')).toBe(acts.of('drain a'))
    expect(acts.of('drain a')).not.toBe(acts.of('drain b'))
  })
})

describe('the key', () => {
  const guarded = ({ key: given }: Asked) =>
    given === null ? missing() : given === 'Bearer right' ? provisioned() : wrong()
  const why = (): string => {
    const { value } = provision().state
    return value.step === 'key' ? value.why : `no key is asked for: ${value.step}`
  }

  test('is asked for by the first act that needs it; a wrong one gets other words, and the act runs once', async () => {
    answer = guarded
    await run()
    expect(why()).toBe('changes need it')
    await provision().runWithKey('wrong', false)
    expect(why()).toBe('the one given is not that of this server')
    expect(key.value).toBeNull()
    await provision().runWithKey('right', false)
    expect(provision().state.value.step).toBe('done')
    expect(asked.map(({ key: given }) => given)).toEqual([null, 'Bearer wrong', 'Bearer right'])
    expect(new Set(asked.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    await run()
    expect(asked).toHaveLength(4)
    expect(texts.size).toBe(0)
  })

  test('that is not given ends the act: a retry sends nothing', async () => {
    answer = guarded
    await run()
    provision().dismiss()
    await provision().retry()
    expect(asked).toHaveLength(1)
  })

  test('that another act got meanwhile is not forgotten because an older one was wrong', async () => {
    key.take('old', false)
    const answered = Promise.withResolvers<Response>()
    answer = () => answered.promise
    const running = run()
    key.take('right', false)
    answered.resolve(wrong())
    await running
    expect(key.value).toBe('right')
  })

  test('is not asked for if another rule refuses', async () => {
    answer = () => problem(403, { code: 'cross_site', detail: 'a page of another origin' })
    await run()
    expect(provision().state.value).toMatchObject({ step: 'failed', words: 'a page of another origin' })
  })
})

describe('the words of an outcome', () => {
  const wordsOf = async (order: Order, body: object): Promise<string> => {
    answer = () => Response.json(body)
    const act = acts.of(order.name)
    await act.run(order)
    await settled()
    return act.state.value.step === 'done' ? act.state.value.words : act.state.value.step
  }

  test.each([
    ['a scale', scaleOrder(5), { scaled_to: 5, requested: 5 }, '5 engines are kept'],
    [
      'a scale above the maximum',
      scaleOrder(50),
      { scaled_to: 10, requested: 50 },
      '10 engines are kept, the most that MAX_REPLICAS allows, not 50',
    ],
    ['a drain', drainOrder(anEngine('a')), { streams: [] }, 'it is hidden from acexy, and goes in a moment'],
    [
      'a drain with viewers',
      drainOrder(anEngine('a')),
      { streams: [{}, {}] },
      'it is hidden from acexy, and goes when its 2 streams have ended',
    ],
    ['a stop', stopOrder(aStream('one')), { updated: true, session: 'stopped' }, 'its engine stopped it'],
    [
      'a stop that came late',
      stopOrder(aStream('one')),
      { updated: false, session: 'none' },
      'it had ended before',
    ],
    [
      'a full pass that found nothing',
      passOrder,
      { containers: 4, adopted: 0, reaped: 0, finished: 0, undone: 0, gone: 0 },
      '4 containers looked at, nothing to do',
    ],
    [
      'a full pass',
      passOrder,
      { containers: 1, adopted: 1, reaped: 2, finished: 0, undone: 0, gone: 0 },
      '1 container looked at: 1 adopted, 2 removed',
    ],
  ])('are right for %s', async (_, order, body, words) => {
    expect(await wordsOf(order, body)).toBe(words)
  })

  test('ids of callers are no part of a path but one', async () => {
    await wordsOf(stopOrder(aStream('a/../b?c')), { updated: true, session: 'stopped' })
    expect(asked[0]?.path).toBe('/prefix/streams/a%2F..%2Fb%3Fc')
  })
})
