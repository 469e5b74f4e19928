/** Facts are told together, so late at most: the other side does some work for each message. */
const TOLD_WITHIN_MS = 100

/** Gathers facts of one kind and tells them together, in their order, a moment after the first of them. */
export class Gathered<Fact> {
  #untold: Fact[] = []
  #telling: ReturnType<typeof setTimeout> | null = null

  constructor(private readonly report: (facts: readonly Fact[]) => void) {}

  add(fact: Fact): void {
    this.#untold.push(fact)
    this.#telling ??= setTimeout(() => {
      this.#telling = null
      this.report(this.#untold.splice(0))
    }, TOLD_WITHIN_MS)
  }

  /** What is not told yet is told to nobody. */
  stop(): void {
    if (this.#telling !== null) clearTimeout(this.#telling)
  }
}
