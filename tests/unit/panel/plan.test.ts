import { describe, expect, test } from 'bun:test'
import { Api } from '../../../src/panel/api/api.ts'
import type { Plan } from '../../../src/panel/api/types.ts'
import { breakerAnswer } from '../../../src/panel/reading/breakers.ts'
import { dockerSilence } from '../../../src/panel/reading/docker.ts'
import { scaleWords, wantedWhy } from '../../../src/panel/reading/plan.ts'
import { PlanWatch } from '../../../src/panel/state/plan.ts'
import { aBreaker, agoText, aStatus, NOW_MS } from '../../support/panel-builders.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const aPlan = (change: Partial<Plan> = {}): Plan => ({
  wanted: 0,
  serving: 0,
  busy: 0,
  expected: 0,
  actions: [],
  waits: [],
  next_look: null,
  override: null,
  ...change,
})
/** A fleet in which so many are kept and there are so many engines. */
const keeping = (min_replicas: number, total = 0) =>
  aStatus({ capacity: { total, used: 0, available: total, max_replicas: 10, min_replicas } })

describe('why so many are wanted', () => {
  test.each([
    [aPlan(), keeping(0), 'nobody watches, and none is kept'],
    [aPlan({ wanted: 3, busy: 1 }), keeping(3), '3 are kept in any case'],
    [aPlan({ wanted: 6, busy: 4, expected: 1 }), keeping(2), '5 in use, and 1 more as a spare'],
    [aPlan({ wanted: 2, busy: 2 }), keeping(0), '2 in use, and no spare is wanted'],
    [aPlan({ wanted: 10, busy: 10 }), keeping(2), 'the most that MAX_REPLICAS allows'],
  ])('%# is told by the rule that decides', (plan, status, words) => {
    expect(wantedWhy(plan, status)).toBe(words)
  })
})

describe('what a change of the number would do', () => {
  const three = aPlan({ wanted: 3, serving: 3 })
  test.each([
    ['starts what is missing', 5, three, keeping(3, 3), '3 → 5: starts 2'],
    ['starts no more than there is room for', 8, three, keeping(3, 8), '3 → 8: starts 2'],
    ['is bounded', 11, three, keeping(3, 3), '3 → 11: no more than 10 by MAX_REPLICAS'],
    ['is none', 3, three, keeping(3, 3), '3, as it is'],
    [
      'is told to spare the busy ones',
      1,
      aPlan({ wanted: 3, serving: 3, busy: 1, expected: 1 }),
      keeping(3, 3),
      '3 → 1: up to 1 idle engine will go; busy ones stay',
    ],
    [
      'starts none where viewers want more anyway',
      4,
      aPlan({ wanted: 6, serving: 6, busy: 5 }),
      keeping(2, 6),
      '2 → 4: starts none now, 6 serve',
    ],
    ['is shown without a plan, too', 5, null, keeping(3), '3 → 5'],
  ])('it %s', (_, to, plan, status, words) => {
    expect(scaleWords(to, plan, status)).toBe(words)
  })
})

describe('a breaker', () => {
  const breaker = (change: Parameters<typeof aBreaker>[0] = {}) => breakerAnswer(aBreaker(change), NOW_MS)

  test('is told with what is left until the next try', () => {
    expect(breaker()).toMatchObject({ tone: 'ok', text: 'starts are allowed' })
    expect(breaker({ failure_count: 3 })).toMatchObject({ tone: 'warn', text: '3 of 5 failures in a row' })
    expect(breaker({ state: 'open', next_try: agoText(-40_000) })).toMatchObject({
      tone: 'bad',
      text: 'starts are refused; one trial in 40 s',
    })
    expect(breaker({ state: 'open', next_try: agoText(1) }).text).toBe('starts are refused; one trial is due')
    expect(breaker({ state: 'open' }).text).toBe('starts are refused')
    expect(breaker({ state: 'half_open' })).toMatchObject({
      ...{ tone: 'warn', word: 'Half-open' },
      text: 'the next engine that starts is the trial',
    })
    expect(breaker({ state: 'half_open', trial_engine_id: 'e' }).text).toBe('one trial running')
  })
})

test('a Docker that does not answer is known by the code of the warning, also where another reason refuses starts', () => {
  const warning = { code: 'docker_silent', message: 'no', since: agoText(5_000), remedy: 'look' } as const
  const silent = aStatus({ warnings: [{ ...warning, code: 'clock_set' }, warning] })
  expect(dockerSilence(aStatus())).toBeNull()
  expect(dockerSilence(aStatus({ warnings: [{ ...warning, code: 'clock_set' }] }))).toBeNull()
  expect(dockerSilence(silent)).toMatch(/^Docker is silent since \d\d:\d\d:\d\d$/)
})

describe('the watch over the plan', () => {
  const watchWith = (answer: (path: string) => Promise<Response>) => {
    const clock = new VirtualClock()
    const paths: string[] = []
    const sight = { isSeen: true }
    const fetch = (url: URL): Promise<Response> => {
      paths.push(url.pathname)
      return answer(url.pathname)
    }
    const watch = new PlanWatch({
      api: new Api({ root: new URL('http://here/'), fetch, key: () => null }),
      after: (ms, callback) => clock.after(ms, callback),
      isSeen: () => sight.isSeen,
    })
    return { clock, paths, sight, watch }
  }
  const fine = async (path: string) => Response.json(path.endsWith('plan') ? aPlan({ wanted: 3 }) : {})

  test('asks at once and every 2 s, not while nobody sees it, and never after its end', async () => {
    const { clock, paths, sight, watch } = watchWith(fine)
    watch.start()
    await clock.advance(0)
    expect(watch.plan.value?.wanted).toBe(3)
    await clock.advance(2_000)
    expect(paths).toHaveLength(4)
    sight.isSeen = false
    await clock.advance(10_000)
    expect(paths).toHaveLength(4)
    sight.isSeen = true
    await clock.advance(2_000)
    expect(paths).toHaveLength(6)
    watch.stop()
    await clock.advance(10_000)
    expect(paths).toHaveLength(6)
  })

  test('keeps what it knows through a failure, says why, and goes on', async () => {
    let isFine = true
    const { clock, watch } = watchWith((path) => (isFine ? fine(path) : Promise.reject(new Error('away'))))
    watch.start()
    await clock.advance(0)
    isFine = false
    await clock.advance(2_000)
    expect([watch.failure.value, watch.plan.value?.wanted]).toEqual(['away', 3])
    isFine = true
    await clock.advance(2_000)
    expect(watch.failure.value).toBeNull()
  })

  test('an answer that comes after a newer question is not shown', async () => {
    const late = Promise.withResolvers<Response>()
    let asked = 0
    const { clock, watch } = watchWith((path) => {
      if (!path.endsWith('plan')) return fine(path)
      return asked++ === 0 ? late.promise : Promise.resolve(Response.json(aPlan({ wanted: 5 })))
    })
    watch.start()
    watch.start()
    await clock.advance(0)
    late.resolve(Response.json(aPlan({ wanted: 1 })))
    await clock.advance(0)
    expect(watch.plan.value?.wanted).toBe(5)
  })
})
