import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { LogLine } from '../api/log-parser.ts'

/** A line that is kept, with its number: the first that ever came has 1. */
export interface KeptLine extends LogLine {
  readonly number: number
  /** Whether lines before this one did not come. */
  readonly isAfterGap: boolean
}

/** So many lines are kept; the oldest go. */
export const LINES_MAX = 2_000

/** The lines of one log, each once, also where a part of it came again. */
export class LogBook {
  readonly #lines: Signal<readonly KeptLine[]> = signal([])
  readonly #dropped: Signal<number> = signal(0)
  #count = 0
  /** The lines that come once more, and how often each of them. */
  #again = new Map<string, number>()
  /** Whether the next line has to be one that is known, because the log is read on from there. */
  #isJoining = false

  get lines(): ReadonlySignal<readonly KeptLine[]> {
    return this.#lines
  }

  /** How many lines were kept once and are no more. */
  get dropped(): ReadonlySignal<number> {
    return this.#dropped
  }

  /**
   * From which time on the log has to be read to go on with it; null to read its end. The lines of that time come again, and
   * are left out.
   */
  resume(): string | null {
    const times = this.#lines.peek().flatMap(({ atMs }) => atMs ?? [])
    this.#again = new Map()
    this.#isJoining = times.length > 0
    if (times.length === 0) return null
    const fromMs = times.reduce((a, b) => Math.max(a, b))
    for (const { raw, atMs } of this.#lines.peek())
      if (atMs !== null && atMs >= fromMs) this.#again.set(raw, (this.#again.get(raw) ?? 0) + 1)
    return new Date(fromMs).toISOString()
  }

  /** Adds lines that came, in their order. */
  add(lines: readonly LogLine[]): void {
    const added = lines.flatMap((line) => this.#kept(line) ?? [])
    if (added.length === 0) return
    const all = [...this.#lines.peek(), ...added]
    batch(() => {
      this.#dropped.value += Math.max(0, all.length - LINES_MAX)
      this.#lines.value = all.slice(-LINES_MAX)
    })
  }

  #kept(line: LogLine): KeptLine | null {
    const times = this.#again.get(line.raw) ?? 0
    const isAfterGap = this.#isJoining && times === 0
    this.#isJoining = false
    if (times === 0) return { ...line, number: ++this.#count, isAfterGap }
    this.#again.set(line.raw, times - 1)
    return null
  }
}
