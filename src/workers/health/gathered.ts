/**
 * The longest delay before facts are reported. They are reported together, because the main thread does some work for each
 * message.
 */
const TOLD_WITHIN_MS = 100

/** Collects facts of one kind and reports them together, in their order, a moment after the first of them. */
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

  /** Stops reporting; facts that were not reported yet are dropped. */
  stop(): void {
    if (this.#telling !== null) clearTimeout(this.#telling)
  }
}
