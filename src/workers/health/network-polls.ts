import type { Address } from '../protocol.ts'
import { Gathered } from './gathered.ts'
import type { NetworkFact, ProbeTarget } from './health-protocol.ts'
import { askNetwork } from './network-ask.ts'

/** An answer that takes longer than this comes too late to be useful. */
const PATIENCE_MAX_MS = 3_000

interface Pace {
  readonly timeoutMs: number
}

/** The poll of one start of an engine. */
interface Poll {
  readonly engineId: string
  readonly generation: number
  intervalMs: number
  /** When the engine was asked last, on the clock of `performance`. */
  askedMs: number
  /** Null while the engine is being asked. */
  timer: ReturnType<typeof setTimeout> | null
  /** Aborts when the engine leaves the list. */
  readonly over: AbortController
}

interface NetworkPollsOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** The addresses at which the engine with this id is reached now. */
  readonly addressesOf: (engineId: string) => readonly Address[]
  readonly report: (facts: readonly NetworkFact[]) => void
}

/**
 * Asks engines whether they are connected to the outside, each on its own timer: at once if it is new, then once in its own
 * interval. An engine is not asked again before its last answer has come or timed out.
 */
export class NetworkPolls {
  readonly #polls = new Map<string, Poll>()
  readonly #answers: Gathered<NetworkFact>
  #pace: Pace = { timeoutMs: 5_000 }

  constructor(private readonly options: NetworkPollsOptions) {
    this.#answers = new Gathered(options.report)
  }

  configure(pace: Pace): void {
    this.#pace = pace
  }

  /** Sets the complete list. The same engine after another start counts as new. */
  setTargets(targets: readonly ProbeTarget[]): void {
    const wanted = new Map(targets.flatMap(pollsOf).map((poll) => [poll.engineId, poll]))
    for (const [id, poll] of this.#polls)
      if (wanted.get(id)?.generation !== poll.generation) this.#drop(id, poll)
    for (const [id, poll] of wanted) this.#take(id, poll)
  }

  stop(): void {
    for (const [id, poll] of this.#polls) this.#drop(id, poll)
    this.#answers.stop()
  }

  #take(engineId: string, poll: Poll): void {
    const known = this.#polls.get(engineId)
    if (known === undefined) {
      this.#polls.set(engineId, poll)
      void this.#ask(poll)
      return
    }
    const isShorter = poll.intervalMs < known.intervalMs
    known.intervalMs = poll.intervalMs
    if (isShorter && known.timer !== null) this.#askLater(known)
  }

  #drop(engineId: string, poll: Poll): void {
    if (poll.timer !== null) clearTimeout(poll.timer)
    poll.over.abort()
    this.#polls.delete(engineId)
  }

  /** Schedules the next question one interval after the last one, or at once if that time is over. */
  #askLater(poll: Poll): void {
    if (poll.timer !== null) clearTimeout(poll.timer)
    const restMs = Math.max(0, poll.askedMs + poll.intervalMs - performance.now())
    poll.timer = setTimeout(() => void this.#ask(poll), restMs)
  }

  async #ask(poll: Poll): Promise<void> {
    const { engineId, generation } = poll
    poll.timer = null
    poll.askedMs = performance.now()
    const patienceMs = Math.min(this.#pace.timeoutMs, PATIENCE_MAX_MS)
    const connected = await askNetwork(this.options.addressesOf(engineId), patienceMs, poll.over.signal)
    // The engine left the list meanwhile, or was started again.
    if (this.#polls.get(engineId) !== poll) return
    if (connected !== null) this.#answers.add({ engineId, generation, connected, atMs: this.options.now() })
    this.#askLater(poll)
  }
}

function pollsOf({ engineId, generation, networkIntervalMs }: ProbeTarget): Poll[] {
  if (networkIntervalMs === null) return []
  const over = new AbortController()
  return [{ engineId, generation, intervalMs: networkIntervalMs, askedMs: 0, timer: null, over }]
}
