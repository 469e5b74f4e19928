import { afterEach, expect, test } from 'bun:test'
import { steadyNow } from '../../../src/lib/clock.ts'
import { breakerNamed, saveBreaker } from '../../../src/store/breakers.ts'
import { liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { lastReplacement, noteReplacement } from '../../../src/store/fleet-orders.ts'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* The clock of the machine is set back or forward, while the process runs and between two of its lives. */

const THREE_HOURS_MS = 3 * 3_600_000

let rigs: Rig[] = []
afterEach(async () => {
  await Promise.all(rigs.map((rig) => rig.dispose()))
  rigs = []
})

async function running(env: Readonly<Record<string, string>> = {}): Promise<Rig> {
  const rig = new Rig(env)
  rigs.push(rig)
  return await rig.start()
}

test.each([-THREE_HOURS_MS, THREE_HOURS_MS])('a wall clock that is set by %d ms moves nothing', (stepMs) => {
  let wallMs = Date.parse('2026-03-29T01:00:00Z')
  let elapsedMs = 12.25
  const now = steadyNow(
    () => wallMs,
    () => elapsedMs,
  )
  const beforeMs = now()
  expect(beforeMs).toBe(wallMs)
  wallMs += stepMs
  elapsedMs += 1_500.5
  expect(now() - beforeMs).toBe(1_500)
})

interface Told {
  readonly warnings: readonly { readonly code: string; readonly message: string }[]
}

const warned = async (rig: Rig): Promise<string[]> => {
  await rig.during(rig.request('POST', '/gc'))
  const { warnings } = await rig.json<Told>('GET', '/orchestrator/status')
  return warnings.filter(({ code }) => code === 'clock_set').map(({ message }) => message)
}

test('a clock that was set is told, and a correction of seconds is not', async () => {
  const rig = await running()
  rig.wallAheadMs = -20_000
  expect(await warned(rig)).toEqual([])
  rig.wallAheadMs = -THREE_HOURS_MS
  expect(await warned(rig)).toEqual([
    'the clock of this machine was set back while this process ran (3 h 0 min): nothing is decided by it, but times that are ' +
      'shown go on from the clock as it was',
  ])
  rig.wallAheadMs = 5 * 60_000
  expect((await warned(rig))[0]).toContain(
    'was set forward, or the machine slept, while this process ran (5 min)',
  )
  rig.wallAheadMs = 0
  expect(await warned(rig)).toEqual([])
})

test('a breaker that opened three hours ahead of now is open for its recovery time only', async () => {
  const rig = await running({ CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '5' })
  const aheadMs = rig.clock.now() + THREE_HOURS_MS
  rig.temp.store.transact((tx) =>
    saveBreaker(tx, 'general', {
      ...{ state: 'open', failures: 5, openedAt: aheadMs, lastFailureAt: aheadMs },
      ...{ lastFailureReason: null, lastSuccessAt: null, trialEngineId: null },
    }),
  )
  await rig.restart()
  expect(breakerNamed(rig.temp.store.db, 'general').openedAt).toBeLessThanOrEqual(rig.clock.now())
  const refused = (await (await rig.provision()).json()) as { message: string }
  expect(refused.message).toContain('circuit breaker is open, next try in 5 s')
  await rig.clock.advance(5_000)
  expect((await rig.provision()).status).toBe(200)
})

test('an engine whose times lie ahead is drained, replaced and forgotten like others', async () => {
  const rig = await running({ AUTO_DELETE: 'true' })
  const { host_http_port: port } = (await (await rig.provision()).json()) as { host_http_port: number }
  rig.health.report(port, true, rig.clock.now())
  await settled()
  const [engine] = liveEngines(rig.temp.store.db)
  const aheadMs = rig.clock.now() + THREE_HOURS_MS
  rig.temp.store.transact((tx) => {
    updateEngine(tx, engine?.id ?? '', { createdAt: aheadMs, readyAt: aheadMs, handedOutAt: aheadMs })
    noteReplacement(tx, { engineId: 'another', cause: 'outdated', atMs: aheadMs })
  })
  await rig.restart()
  expect(lastReplacement(rig.temp.store.db)?.atMs).toBeLessThanOrEqual(rig.clock.now())
  rig.health.report(port, true, rig.clock.now())
  // The engine is idle for the grace period, then hidden, then inspected.
  for (let step = 0; step < 12 && liveEngines(rig.temp.store.db).length > 0; step++) {
    await rig.clock.advance(10_000)
    if (rig.health.targets.length > 0) rig.health.report(port, true, rig.clock.now())
  }
  expect(liveEngines(rig.temp.store.db)).toEqual([])
})

test('an engine that the container engine says was started ahead of now fails in time all the same', async () => {
  const rig = await running({ STARTUP_TIMEOUT_S: '30' })
  await rig.provision()
  const [engine] = liveEngines(rig.temp.store.db)
  rig.temp.store.transact((tx) =>
    updateEngine(tx, engine?.id ?? '', { containerStartedAt: rig.clock.now() + THREE_HOURS_MS }),
  )
  const plan = await rig.json<{ next_look: string }>('GET', '/orchestrator/plan')
  expect(Date.parse(plan.next_look) - rig.clock.now()).toBeLessThanOrEqual(31_000)
})
