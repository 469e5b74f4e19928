import type { Address } from '../protocol.ts'
import { Gathered } from './gathered.ts'
import type { NetworkFact, ProbeTarget } from './health-protocol.ts'
import { askNetwork } from './network-ask.ts'

/** An engine that takes longer to say it says it too late. */
const PATIENCE_MAX_MS = 3_000

interface Pace {
  readonly timeoutMs: number
}

/** One start of an engine. */
interface Poll {
  readonly engineId: string
  readonly generation: number
  intervalMs: number
  /** When it was asked last, on the clock of `performance`. */
  askedMs: number
  /** Null while it is being asked. */
  timer: ReturnType<typeof setTimeout> | null
  /** Aborts when it leaves the list. */
  readonly over: AbortController
}

interface NetworkPollsOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Where the engine of that id is reached now. */
  readonly addressesOf: (engineId: string) => readonly Address[]
  readonly report: (facts: readonly NetworkFact[]) => void
}

/**
 * Asks engines whether they are connected to the outside, each on a timer of its own: at once when it is new, then once in
 * the interval of its own. One that is still waited for is not asked again before.
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

  /** Takes the whole list. The same engine after another start is a new one. */
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

  /** An interval after it was asked last, or at once if that is over. */
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
    // It left the list meanwhile, or its engine was started anew.
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
