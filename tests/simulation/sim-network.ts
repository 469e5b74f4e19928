import type { NetworkFact } from '../../src/control/facts/connection-facts.ts'
import type { HealthTarget } from '../../src/control/health/health-source.ts'
import type { Clock } from '../../src/lib/clock.ts'
import type { Random } from './random.ts'
import type { SimHost } from './sim-host.ts'

interface Poll {
  target: HealthTarget
  readonly intervalMs: number
  cancel: () => void
  askedMs: number
}

export interface SimNetworkDeps {
  readonly clock: Clock
  readonly host: SimHost
  readonly random: Random
  readonly tell: (fact: NetworkFact) => void
}

/** The part of the health worker that asks engines whether they are connected: at once, then once per interval. */
export class SimNetwork {
  readonly #polls = new Map<string, Poll>()

  constructor(private readonly deps: SimNetworkDeps) {}

  /** Receives the whole list. The same engine after another start counts as new. */
  setTargets(targets: readonly HealthTarget[]): void {
    const wanted = new Set(targets.map(({ engineId }) => engineId))
    for (const id of this.#polls.keys()) if (!wanted.has(id)) this.#drop(id)
    for (const target of targets) this.#take(target)
  }

  #take(target: HealthTarget): void {
    const { engineId, generation, networkIntervalMs: intervalMs } = target
    const known = this.#polls.get(engineId)
    const isSame = known?.target.generation === generation && known.intervalMs === intervalMs
    if (known !== undefined && isSame) {
      known.target = target
      return
    }
    this.#drop(engineId)
    if (intervalMs === null) return
    const isNew = known?.target.generation !== generation
    const askedMs = isNew ? Number.NEGATIVE_INFINITY : known.askedMs
    const poll: Poll = { target, intervalMs, cancel: () => undefined, askedMs }
    this.#polls.set(engineId, poll)
    this.#askLater(poll)
  }

  #drop(engineId: string): void {
    this.#polls.get(engineId)?.cancel()
    this.#polls.delete(engineId)
  }

  #askLater(poll: Poll): void {
    const { clock } = this.deps
    const restMs = Math.max(0, poll.askedMs + poll.intervalMs - clock.now())
    poll.cancel = clock.after(restMs, () => this.#ask(poll))
  }

  #ask(poll: Poll): void {
    const { clock, host, random, tell } = this.deps
    const { engineId, generation, addresses } = poll.target
    poll.askedMs = clock.now()
    const reached = host.reach(addresses[0])
    const connected = reached.kind === 'answers' ? (reached.process.link?.says ?? null) : null
    poll.cancel = clock.after(random.int(0, 60), () => {
      if (connected !== null) tell({ engineId, generation, connected, atMs: clock.now() })
      if (this.#polls.get(engineId) === poll) this.#askLater(poll)
    })
  }
}
