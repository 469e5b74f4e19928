import type { ProbeTarget, SessionFact } from './health-protocol.ts'
import type { Address } from './protocol.ts'
import { askSession } from './session-ask.ts'

interface Pace {
  readonly sessionIntervalMs: number
  readonly timeoutMs: number
}

/** One session of one start of an engine. */
interface Poll {
  readonly engineId: string
  readonly generation: number
  readonly streamRowId: number
  readonly path: string
  timer: ReturnType<typeof setTimeout> | null
}

interface SessionPollsOptions {
  /** Where the engine of that id is reached now. */
  readonly addressesOf: (engineId: string) => readonly Address[]
  readonly report: (fact: SessionFact) => void
}

/**
 * Asks engines about the sessions that are on the list, each on a timer of its own: at once when it is new, then once
 * an interval. One that is still waited for is not asked again before.
 */
export class SessionPolls {
  readonly #polls = new Map<string, Poll>()
  #pace: Pace = { sessionIntervalMs: 5_000, timeoutMs: 5_000 }

  constructor(private readonly options: SessionPollsOptions) {}

  configure(pace: Pace): void {
    this.#pace = pace
  }

  /** Takes the whole list. The same session after another start of its engine is a new one. */
  setTargets(targets: readonly ProbeTarget[]): void {
    const wanted = new Map(targets.flatMap(pollsOf).map((poll) => [keyOf(poll), poll]))
    for (const [key, poll] of this.#polls) if (!wanted.has(key)) this.#drop(key, poll)
    for (const [key, poll] of wanted) if (!this.#polls.has(key)) this.#begin(key, poll)
  }

  stop(): void {
    for (const [key, poll] of this.#polls) this.#drop(key, poll)
  }

  #begin(key: string, poll: Poll): void {
    this.#polls.set(key, poll)
    void this.#ask(key, poll)
  }

  #drop(key: string, poll: Poll): void {
    if (poll.timer !== null) clearTimeout(poll.timer)
    this.#polls.delete(key)
  }

  async #ask(key: string, poll: Poll): Promise<void> {
    poll.timer = null
    const { engineId, generation, streamRowId, path } = poll
    const startedMs = performance.now()
    const answer = await askSession(this.options.addressesOf(engineId), path, this.#pace.timeoutMs)
    // It left the list meanwhile, or its engine was started anew.
    if (this.#polls.get(key) !== poll) return
    this.options.report({ type: 'session', engineId, generation, streamRowId, ...answer, atMs: Date.now() })
    const restMs = Math.max(0, this.#pace.sessionIntervalMs - (performance.now() - startedMs))
    poll.timer = setTimeout(() => void this.#ask(key, poll), restMs)
  }
}

function pollsOf({ engineId, generation, sessions }: ProbeTarget): Poll[] {
  return sessions.map(({ streamRowId, path }) => ({ engineId, generation, streamRowId, path, timer: null }))
}

function keyOf({ engineId, generation, streamRowId, path }: Poll): string {
  return JSON.stringify([engineId, generation, streamRowId, path])
}
