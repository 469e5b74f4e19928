import type { Books, JournalBook } from './books.ts'

/** An engine that changes this often within this time is moved by two rules that disagree, and not by viewers. */
const CHANGES_MAX = 6
const WITHIN_MS = 2_000

/** Checks that no engine goes out of service and back again and again. Every proxy would see each of these changes. */
export class FlutterChecks {
  readonly #changes = new Map<string, readonly number[]>()

  constructor(
    private readonly deps: {
      readonly books: Pick<Books, 'byId'>
      readonly onViolation: (text: string) => void
    },
  ) {}

  /** Receives every journal entry right after its commit. */
  note({ kind, engine_id: id, at }: JournalBook): void {
    if (id === null || (kind !== 'engine.draining' && kind !== 'engine.recalled')) return
    const recent = [...(this.#changes.get(id) ?? []).filter((before) => at - before < WITHIN_MS), at]
    this.#changes.set(id, recent)
    if (recent.length <= CHANGES_MAX) return
    const { name } = this.deps.books.byId(id) ?? { name: id }
    this.deps.onViolation(`${name} went out of service or back ${recent.length} times in ${WITHIN_MS} ms`)
  }
}
