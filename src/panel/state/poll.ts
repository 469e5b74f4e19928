export interface PollDeps<Answer> {
  readonly ask: (signal: AbortSignal) => Promise<Answer>
  readonly onAnswer: (answer: Answer) => void
  readonly everyMs: number
  /** Calls back after a time; returns what cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void
  /** Whether anybody can see the page. Nothing is asked while nobody does. */
  readonly isSeen: () => boolean
}

/** Asks the same question again and again. An answer that fails to come leaves what is known as it is. */
export class Poll<Answer> {
  #asking: AbortController | null = null
  #cancel: () => void = () => undefined

  constructor(private readonly deps: PollDeps<Answer>) {}

  /** Asks at once, and then every `everyMs` until `stop`. */
  start(): void {
    void this.#ask()
  }

  stop(): void {
    this.#cancel()
    this.#asking?.abort()
    this.#asking = null
  }

  async #ask(): Promise<void> {
    const { ask, onAnswer, everyMs, after, isSeen } = this.deps
    this.stop()
    const asking = new AbortController()
    this.#asking = asking
    const answer = isSeen() ? await ask(asking.signal).catch(() => null) : null
    if (this.#asking !== asking) return
    if (answer !== null) onAnswer(answer)
    this.#cancel = after(everyMs, () => void this.#ask())
  }
}
