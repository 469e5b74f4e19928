import { expect, test } from 'bun:test'
import type { HealthTarget } from '../../src/control/health/health-source.ts'
import { seeded } from './random.ts'
import { SimHealth } from './sim-health.ts'
import { World } from './world.ts'

/** Nothing listens at this address, so every probe fails. */
const TARGET: HealthTarget = {
  engineId: 'engine',
  generation: 1,
  addresses: [{ host: 'localhost', port: 1 }],
  isBooting: false,
  sessions: [],
  isInDoubt: false,
  networkIntervalMs: null,
}

/** A health worker that probes once a second. `failures` counts what it said. */
function worker() {
  const { clock, host, trace } = new World(1, null)
  const nothing = (): void => undefined
  const failures = new Map<string, number>()
  const health = new SimHealth({
    ...{ clock, host, trace, failures, random: seeded(1), threshold: 2 },
    ...{ intervalMs: 1_000, collectMs: 600_000 },
    streamChecks: { telling: nothing, told: nothing, forget: nothing },
  })
  health.start({
    ...{ onFact: nothing, onUnasked: nothing, onBoot: nothing },
    ...{ onSessions: nothing, onNetwork: nothing, onLost: nothing },
  })
  const pass = async (ms: number): Promise<number> => {
    const untilMs = clock.now() + ms
    while (await clock.step(untilMs));
    return failures.get('engine') ?? 0
  }
  return { health, pass }
}

test('a process that is not probed for a while is still the one that has failed', async () => {
  const { health, pass } = worker()
  health.setTargets([TARGET])
  const before = await pass(5_000)
  expect(before).toBeGreaterThan(2)
  health.setTargets([])
  await pass(1_000)
  health.setTargets([TARGET])
  expect(await pass(100)).toBe(before + 1)
})

test('another start of the engine has not failed yet, and a worker that was lost knows of no failure', async () => {
  const { health, pass } = worker()
  health.setTargets([TARGET])
  expect(await pass(5_000)).toBeGreaterThan(2)
  health.setTargets([])
  health.setTargets([{ ...TARGET, generation: 2 }])
  expect(await pass(100)).toBe(1)
  expect(await pass(5_000)).toBeGreaterThan(2)
  health.lose(1_000)
  expect(await pass(1_100)).toBe(1)
})
