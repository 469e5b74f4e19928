import { afterEach, describe, expect, test } from 'bun:test'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { liveEngines } from '../../../src/store/engines.ts'
import { IMAGE, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

let rig: Rig
const start = async (env: Record<string, string> = {}): Promise<void> => {
  rig = await new Rig({
    ALLOWED_IMAGES: 'other:1',
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: '2',
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '30',
    STARTUP_TIMEOUT_S: '10',
    ...env,
  }).start()
  rig.runtime.addImage('other:1')
}
afterEach(() => rig.dispose())

const OWN = [{ image: 'other:1' }, { env: { EXTRA: '1' } }] as const
const AS_TEMPLATE = [
  {},
  { labels: { owner: 'a' } },
  { image: `docker.io/library/${IMAGE}` },
  { host_port: 30_000 },
]

const breaker = async () =>
  (
    await rig.json<{ circuit_breakers: { general: { state: string; failure_count: number } } }>(
      'GET',
      '/health/status',
    )
  ).circuit_breakers.general
/** A start that Docker refuses, which is the engine's fault. */
async function refuse(body: object): Promise<Response> {
  const failure = new RuntimeFailure('unrunnable', 'a command that is not there')
  rig.runtime.faults.next('start', { kind: 'fail_before', failure })
  return rig.provision({}, body)
}
/** Starts an engine that answers its first probe. Returns its row's id. */
async function succeed(body: object): Promise<string> {
  const { host_http_port: port } = (await (await rig.provision({}, body)).json()) as {
    host_http_port: number
  }
  rig.health.report(port, true, rig.clock.now())
  await settled()
  return liveEngines(rig.temp.store.db).find(({ hostHttpPort }) => hostHttpPort === port)?.id ?? ''
}
const open = async (): Promise<void> => {
  await refuse({})
  await refuse({})
  expect(await breaker()).toMatchObject({ state: 'open' })
}

describe('what comes of an image or an environment of a caller’s own', () => {
  test.each(OWN)('is no failure to the breaker where Docker refuses it: %j', async (body) => {
    await start()
    for (let time = 0; time < 5; time++) expect((await refuse(body)).status).toBe(500)
    expect(await breaker()).toMatchObject({ state: 'closed', failure_count: 0 })
    expect((await rig.provision()).status).toBe(200)
  })

  test.each(OWN)('is none where it never answers, or dies: %j', async (body) => {
    await start()
    for (let time = 0; time < 2; time++) await rig.provision({}, body)
    rig.runtime.kill(rig.runtime.containers()[0]?.id ?? '')
    for (let second = 0; second < 40; second++) await rig.clock.advance(1_000)
    expect(liveEngines(rig.temp.store.db)).toEqual([])
    expect(await breaker()).toMatchObject({ state: 'closed', failure_count: 0 })
  })

  test.each(OWN)('is no success, which would have failures forgotten: %j', async (body) => {
    await start()
    await refuse({})
    await succeed(body)
    expect(await breaker()).toMatchObject({ state: 'closed', failure_count: 1 })
    await refuse({})
    expect(await breaker()).toMatchObject({ state: 'open' })
  })

  test.each(OWN)('is refused like any other while the breaker is open: %j', async (body) => {
    await start()
    await open()
    const refused = await rig.provision({}, body)
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ code: 'circuit_breaker' })
  })

  test.each(OWN)('is no trial: %j', async (body) => {
    await start()
    await open()
    await rig.clock.advance(30_000)
    await succeed(body)
    expect(await breaker()).toMatchObject({ state: 'half_open' })
    expect((await refuse(body)).status).toBe(500)
    expect(await breaker()).toMatchObject({ state: 'half_open' })
    // The place of the trial stayed free, so an engine that counts is let through and closes the breaker.
    await succeed({})
    expect(await breaker()).toMatchObject({ state: 'closed' })
  })

  test.each(OWN)('leaves the place of the trial free while it starts: %j', async (body) => {
    await start()
    await open()
    await rig.clock.advance(30_000)
    expect((await rig.provision({}, body)).status).toBe(200)
    expect((await rig.provision()).status).toBe(200)
    expect((await rig.provision()).status).toBe(503)
  })

  test.each(OWN)('waits like any other while a trial runs: %j', async (body) => {
    await start()
    await open()
    await rig.clock.advance(30_000)
    expect((await rig.provision()).status).toBe(200)
    expect((await rig.provision({}, body)).status).toBe(503)
  })
})

test.each(AS_TEMPLATE)(
  'an engine as the template makes it counts, whatever else is asked for: %j',
  async (body) => {
    await start()
    await refuse(body)
    expect(await breaker()).toMatchObject({ state: 'closed', failure_count: 1 })
    await succeed(body)
    expect(await breaker()).toMatchObject({ state: 'closed', failure_count: 0 })
  },
)

test('a trial of an earlier template leaves its place, and shows nothing of the new one', async () => {
  await start()
  await open()
  await rig.clock.advance(30_000)
  const { host_http_port: port } = (await (await rig.provision()).json()) as { host_http_port: number }
  await rig.restart({ ENGINE_ENV: 'GENERATION=2' })
  expect((await rig.provision()).status).toBe(503)
  rig.health.report(port, true, rig.clock.now())
  await settled()
  expect(await breaker()).toMatchObject({ state: 'half_open' })
  await succeed({})
  expect(await breaker()).toMatchObject({ state: 'closed' })
})

describe('the last faults of a breaker', () => {
  interface Fault {
    readonly at: string
    readonly engine_id: string
    readonly container_name: string
    readonly reason: string
  }
  const faults = async (name: 'general' | 'replacement' = 'general') =>
    (
      await rig.json<{ circuit_breakers: Record<string, { last_faults: readonly Fault[] }> }>(
        'GET',
        '/health/status',
      )
    ).circuit_breakers[name]?.last_faults ?? []

  test('are the five newest that it counted, also after a reset and a restart', async () => {
    await start({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '100' })
    expect(await faults()).toEqual([])
    for (let count = 0; count < 6; count++) {
      await rig.clock.advance(1_000)
      await refuse({})
    }
    const told = await faults()
    expect(told.map(({ container_name }) => container_name)).toEqual(
      [6, 5, 4, 3, 2].map((number) => `acestream-${number}`),
    )
    expect(told[0]).toMatchObject({ at: new Date(rig.clock.now()).toISOString() })
    expect(told[0]?.reason).toContain('a command that is not there')
    expect(new Set(told.map(({ engine_id }) => engine_id)).size).toBe(5)
    await rig.request('POST', '/health/circuit-breaker/reset')
    await rig.restart()
    expect(await faults()).toEqual(told)
    expect(await faults('replacement')).toEqual([])
  })

  test('are none that it did not count: of an own image, of Docker, or of an engine that has worked', async () => {
    await start({ MIN_REPLICAS: '0' })
    await refuse({ image: 'other:1' })
    const silent = new RuntimeFailure('unreachable', 'no socket', { effect: 'none' })
    rig.runtime.faults.next('start', { kind: 'fail_before', failure: silent })
    await rig.provision()
    await succeed({})
    for (const { id } of rig.runtime.containers()) rig.runtime.kill(id)
    await rig.clock.advance(60_000)
    expect(await faults()).toEqual([])
  })
})

test('an open breaker tells when it lets a trial through, and then which engine that is', async () => {
  await start()
  expect(await breaker()).toMatchObject({ next_try: null, trial_engine_id: null })
  await open()
  const next_try = new Date(rig.clock.now() + 30_000).toISOString()
  expect(await breaker()).toMatchObject({ state: 'open', next_try, trial_engine_id: null })
  await rig.clock.advance(30_000)
  expect(await breaker()).toMatchObject({ state: 'half_open', next_try: null, trial_engine_id: null })
  await rig.provision()
  const trial = liveEngines(rig.temp.store.db)[0]?.id
  expect(trial).toBeString()
  expect(await breaker()).toMatchObject({ state: 'half_open', trial_engine_id: trial })
})
