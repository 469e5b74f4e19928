import { type Config, loadConfig } from '../../src/config/config.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { type Base, baseOf } from '../../src/wire/base.ts'
import { HISTORY } from '../../src/wire/settings.ts'
import { type Work, workOf } from '../../src/wire/work.ts'
import { ManualVpn } from '../../tests/support/manual-vpn.ts'
import { MemoryRuntime } from '../../tests/support/memory-runtime.ts'
import { type TempStore, tempStore } from '../../tests/support/temp-store.ts'
import { VirtualClock } from '../../tests/support/virtual-clock.ts'

/** The parts of the application that look and decide, on a database file. Containers and time are simulated. */
export interface Site {
  readonly clock: VirtualClock
  readonly vpn: ManualVpn
  readonly temp: TempStore
  readonly base: Base
  readonly work: Work
}

/** Puts a site together with these settings. Its database is to be disposed of. Throws if a setting is wrong. */
export function siteOf(env: Readonly<Record<string, string>>): Site {
  const loaded = loadConfig({ TARGET_IMAGE: 'engine:1', ENGINE_RECIPE: 'variables', ...env }, [])
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  const { config } = loaded
  const [clock, vpn, temp] = [new VirtualClock(), new ManualVpn(), tempStore()]
  const adapters = adaptersOf(config, { clock, vpn, temp })
  const base = baseOf(config, adapters, { counters: createMetrics('0.0.0-bench').counters, history: HISTORY })
  return { clock, vpn, temp, base, work: workOf(config, adapters, base) }
}

function adaptersOf(config: Config, { clock, vpn, temp }: Pick<Site, 'clock' | 'vpn' | 'temp'>) {
  const nothing = (): void => undefined
  return {
    store: temp.store,
    database: { path: ':memory:', fileSystem: null },
    runtime: new MemoryRuntime({
      clock,
      label: config.CONTAINER_LABEL,
      deadlinesMs: DEFAULT_DEADLINES_MS,
      images: [],
      programOf: null,
    }),
    health: { start: nothing, setTargets: nothing, stop: () => Promise.resolve() },
    vpn,
    self: { container: null, gateway: () => null },
    stopSession: () => Promise.resolve('silent' as const),
    clock,
    wall: () => clock.now(),
    descriptors: null,
    connections: { closeIdle: nothing, closeAll: nothing },
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    newId: () => crypto.randomUUID(),
    random: () => 0.5,
    checkpoint: nothing,
    version: '0.0.0-bench',
    panel: () => Promise.reject(new Error('a benchmark has no page')),
  }
}
