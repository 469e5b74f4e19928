import { expect, test } from 'bun:test'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { MemoryRuntime } from '../support/memory-runtime.ts'
import { failureOf } from '../support/runtime-contract.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { emptyCoverage } from './coverage.ts'
import { CrashPlan } from './crashes.ts'
import { FaultDice } from './fault-dice.ts'
import { NO_FAULTS } from './faults.ts'
import { Life } from './life.ts'
import { seeded } from './random.ts'
import { SimDocker } from './sim-docker.ts'
import { Trace } from './trace.ts'

/** The container engine as a first life sees it, with an image to pull that takes four seconds. */
function firstLife() {
  const clock = new VirtualClock()
  const label = { key: 'roundhouse.test', value: 'simulated' }
  const host = new MemoryRuntime({
    ...{ clock, label, deadlinesMs: DEFAULT_DEADLINES_MS },
    ...{ images: [], programOf: null },
  })
  host.pullMs = () => 4_000
  host.offerImage('engine')
  const life = new Life(1)
  const sickness = { neverUp: 0, refused: 0 }
  const dice = new FaultDice({ clock, random: seeded(1), sickness }, host.faults)
  const runtime = new SimDocker(host, {
    ...{ life, dice },
    crashes: new CrashPlan(seeded(1)),
    coverage: emptyCoverage(),
    trace: new Trace(clock, { capacity: 1, echo: null }),
    onAsk: () => undefined,
  })
  return { clock, host, life, dice, runtime }
}

test('a pull ends with the life that asked for it, and tells it nothing more', async () => {
  const { clock, host, life, runtime } = firstLife()
  let told = 0
  void runtime.pull('engine', () => told++)
  await clock.advance(1_000)
  life.die()
  await clock.advance(60_000)
  expect(told).toBe(1)
  const look = failureOf('image_missing', host.image('engine'))
  await clock.advance(1_000)
  await look
})

test('a pull that is given up ends', async () => {
  const { clock, runtime } = firstLife()
  const abort = new AbortController()
  const pulling = failureOf(
    'unreachable',
    runtime.pull('engine', () => abort.abort(), abort.signal),
  )
  await clock.advance(1_000)
  await pulling
  await failureOf('image_missing', runtime.image('engine'))
  await failureOf(
    'unreachable',
    runtime.pull('engine', () => undefined, AbortSignal.abort()),
  )
})

test('faults are drawn for pulls, images, logs and the host', async () => {
  const { clock, dice, runtime } = firstLife()
  dice.rates = { ...NO_FAULTS, failBefore: 1 }
  const outcomes = new Set<unknown>()
  for (let call = 0; call < 20; call++) {
    const calls = [
      runtime.pull('engine', () => undefined),
      runtime.image('engine'),
      runtime.logs('none', { lines: 1, bytes: 1 }),
      runtime.host(),
    ]
    const settled = Promise.allSettled(calls)
    await clock.advance(10_000)
    for (const [at, outcome] of (await settled).entries())
      if (outcome.status === 'rejected' && String(outcome.reason).includes('drawn')) outcomes.add(at)
  }
  expect([...outcomes].toSorted()).toEqual([0, 1, 2, 3])
})
