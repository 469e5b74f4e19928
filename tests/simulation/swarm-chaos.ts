import type { HostObservation } from '../../src/runtime/runtime.ts'
import type { ChaosTools } from './chaos-tools.ts'
import type { Random } from './random.ts'
import type { SimHost } from './sim-host.ts'
import type { SimSwarm } from './sim-swarm.ts'

/** Disturbances of the hosts of a swarm. */
export const SWARM_CHAOS_KINDS = [
  'host_lost',
  'host_blinks',
  'host_drained',
  'host_paused',
  'tasks_slow',
] as const

export type SwarmChaosKind = (typeof SWARM_CHAOS_KINDS)[number]

/** How long a task takes at most whose host gets the image first. */
const SLOW_TASK_MS = 20_000

export interface SwarmChaosDeps {
  readonly host: SimHost
  readonly tools: ChaosTools
}

/** Disturbs the hosts of a swarm behind the orchestrator's back. Does nothing with one host. */
export class SwarmChaos {
  constructor(private readonly deps: SwarmChaosDeps) {}

  /** Each applies a disturbance to a random host. */
  readonly deeds: Readonly<Record<SwarmChaosKind, (random: Random) => void>> = {
    host_lost: (random) => this.#lose(random, random.int(20_000, 150_000)),
    host_blinks: (random) => this.#lose(random, random.int(500, 12_000)),
    host_drained: (random) => this.#refuse(random, 'drain', 'host drained', random.int(5_000, 120_000)),
    host_paused: (random) => this.#refuse(random, 'pause', 'host takes nothing', random.int(5_000, 90_000)),
    tasks_slow: (random) => this.#slowDown(random.int(20_000, 90_000)),
  }

  #lose(random: Random, ms: number): void {
    const its = random.pick(['run on', 'end', 'answer'] as const)
    this.#on(
      random,
      (swarm) => swarm.workers,
      (swarm, id) => {
        this.deps.tools.note(`host lost, its tasks ${its}`, id, () => swarm.lose(id, its))
        return ms
      },
    )
  }

  #refuse(random: Random, how: 'drain' | 'pause', what: string, ms: number): void {
    this.#on(
      random,
      (swarm) => swarm.hosts,
      (swarm, id) => {
        this.deps.tools.note(what, id, () => swarm.setAvailability(id, how))
        return ms
      },
    )
  }

  /** Troubles a host without another trouble, and repairs it after the time that is returned. */
  #on(
    random: Random,
    among: (swarm: SimSwarm) => readonly HostObservation[],
    trouble: (swarm: SimSwarm, hostId: string) => number,
  ): void {
    const { host, tools } = this.deps
    const { swarm } = host
    if (swarm === null) return
    const well = among(swarm).filter(({ id }) => swarm.troubleOf(id) === null)
    const chosen = random.pick(well)
    if (chosen === undefined) return
    tools.repairAfter(trouble(swarm, chosen.id), () => swarm.repair(chosen.id))
  }

  #slowDown(ms: number): void {
    const { host, tools } = this.deps
    const { swarm } = host
    if (swarm === null) return
    tools.note('tasks take long', null, () => {
      swarm.taskMaxMs = SLOW_TASK_MS
    })
    tools.repairAfter(ms, () => {
      swarm.taskMaxMs = swarm.scenario.taskMaxMs
    })
  }
}
