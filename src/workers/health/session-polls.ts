import type { Address } from '../protocol.ts'
import { Gathered } from './gathered.ts'
import type { ProbeTarget, SessionFact } from './health-protocol.ts'
import { KeyedLimit } from './keyed-limit.ts'
import { askSession, type SessionAnswer } from './session-ask.ts'

/**
 * How many questions to one engine are under way at a time. An engine that hangs with many sessions must not use up the
 * connections that Bun opens at once (256).
 */
const ASKED_AT_ONCE = 4

interface Pace {
  readonly sessionIntervalMs: number
  readonly timeoutMs: number
}

/** The poll of one session of one start of an engine. */
interface Poll {
  readonly engineId: string
  readonly generation: number
  readonly streamRowId: number
  readonly path: string
  timer: ReturnType<typeof setTimeout> | null
}

interface SessionPollsOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** The addresses at which the engine with this id is reached now. */
  readonly addressesOf: (engineId: string) => readonly Address[]
  readonly report: (facts: readonly SessionFact[]) => void
}

/**
 * Asks engines about the sessions on the list, each on its own timer: at once if it is new, then once an interval. A session
 * is not asked about again before its last answer has come or timed out. Sessions that began together are spread over the
 * interval at random.
 */
export class SessionPolls {
  readonly #polls = new Map<string, Poll>()
  readonly #perEngine = new KeyedLimit(ASKED_AT_ONCE)
  readonly #answers: Gathered<SessionFact>
  #pace: Pace = { sessionIntervalMs: 5_000, timeoutMs: 5_000 }

  constructor(private readonly options: SessionPollsOptions) {
    this.#answers = new Gathered(options.report)
  }

  configure(pace: Pace): void {
    this.#pace = pace
  }

  /** Sets the complete list. The same session after another start of its engine counts as new. */
  setTargets(targets: readonly ProbeTarget[]): void {
    const wanted = new Map(targets.flatMap(pollsOf).map((poll) => [keyOf(poll), poll]))
    for (const [key, poll] of this.#polls) if (!wanted.has(key)) this.#drop(key, poll)
    for (const [key, poll] of wanted) if (!this.#polls.has(key)) this.#begin(key, poll)
  }

  stop(): void {
    for (const [key, poll] of this.#polls) this.#drop(key, poll)
    this.#answers.stop()
  }

  #begin(key: string, poll: Poll): void {
    this.#polls.set(key, poll)
    void this.#ask(key, poll, 0.5 + Math.random() / 2)
  }

  #drop(key: string, poll: Poll): void {
    if (poll.timer !== null) clearTimeout(poll.timer)
    this.#polls.delete(key)
  }

  /** Asks about the session, again after this share of an interval, and then once an interval. */
  async #ask(key: string, poll: Poll, share: number): Promise<void> {
    poll.timer = null
    const startedMs = performance.now()
    const { engineId, generation, streamRowId } = poll
    const answer = await this.#perEngine.run(engineId, () => this.#answerOf(key, poll))
    // The session left the list meanwhile, or its engine was started again.
    if (answer === null || this.#polls.get(key) !== poll) return
    this.#answers.add({ engineId, generation, streamRowId, ...answer, atMs: this.options.now() })
    const restMs = Math.max(0, share * this.#pace.sessionIntervalMs - (performance.now() - startedMs))
    poll.timer = setTimeout(() => void this.#ask(key, poll, 1), restMs)
  }

  /** Null if the session left the list before its turn came. */
  async #answerOf(key: string, poll: Poll): Promise<SessionAnswer | null> {
    if (this.#polls.get(key) !== poll) return null
    return await askSession(this.options.addressesOf(poll.engineId), poll.path, this.#pace.timeoutMs)
  }
}

function pollsOf({ engineId, generation, sessions }: ProbeTarget): Poll[] {
  return sessions.map(({ streamRowId, path }) => ({ engineId, generation, streamRowId, path, timer: null }))
}

function keyOf({ engineId, generation, streamRowId, path }: Poll): string {
  return JSON.stringify([engineId, generation, streamRowId, path])
}
