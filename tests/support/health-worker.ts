import { join } from 'node:path'
import { HealthHost, type HealthHostOptions } from '../../src/workers/health/health-host.ts'
import type {
  BootFact,
  NetworkFact,
  ProbeFact,
  ProbeTarget,
  SessionFact,
  UnaskedFact,
} from '../../src/workers/health/health-protocol.ts'
import type { Address } from '../../src/workers/protocol.ts'

const WORKER = join(import.meta.dir, '../../src/workers/health/health.worker.ts')

/** Starts the real worker in its thread and collects everything that it tells. The test has to stop it. */
export function startHealthWorker(
  change: Partial<HealthHostOptions['pace']> & Partial<Pick<HealthHostOptions, 'spawn' | 'now'>> = {},
) {
  const { spawn = () => new Worker(WORKER), now = Date.now, ...pace } = change
  const facts: ProbeFact[] = []
  const unasked: UnaskedFact[] = []
  const sessions: SessionFact[] = []
  const networks: NetworkFact[] = []
  const troubles: string[] = []
  const drops: string[] = []
  const returns: number[] = []
  const workers: Worker[] = []
  const boots: BootFact[] = []
  let lost = 0
  const health = new HealthHost({
    now,
    spawn: () => {
      const worker = spawn()
      workers.push(worker)
      return worker
    },
    pace: { intervalMs: 100, timeoutMs: 500, bootIntervalMs: 20, sessionIntervalMs: 50, ...pace },
    onTrouble: (why) => troubles.push(why),
    onBack: (_, awayMs) => returns.push(awayMs),
    onDropped: (what) => drops.push(what),
  })
  health.start({
    onFact: (fact) => facts.push(fact),
    onUnasked: (fact) => unasked.push(fact),
    onBoot: (fact) => boots.push(fact),
    onSessions: (answers) => sessions.push(...answers),
    onNetwork: (answers) => networks.push(...answers),
    onLost: () => lost++,
  })
  return {
    health,
    facts,
    unasked,
    boots,
    sessions,
    networks,
    troubles,
    drops,
    returns,
    workers,
    lost: () => lost,
  }
}

/** A ready engine at one address, without sessions. */
export function targetAt(
  engineId: string,
  { host, port }: Address,
  changes: Partial<ProbeTarget> = {},
): ProbeTarget {
  return {
    engineId,
    generation: 1,
    addresses: [{ host, port }],
    isBooting: false,
    isInDoubt: false,
    sessions: [],
    networkIntervalMs: null,
    ...changes,
  }
}
