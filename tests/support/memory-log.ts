import { knownMask, secretValues } from '../../src/core/secrets.ts'
import { logText, plainLog } from '../../src/runtime/log-text.ts'
import {
  LOG_LINE_BYTES_MAX,
  type LogBounds,
  type LogHandlers,
  type LogPart,
} from '../../src/runtime/runtime.ts'

/** How much of a log is kept, in characters. */
const LOG_MAX = 256 * 1024

/** A line of a log, with its newline if it has come. */
interface Line {
  readonly number: number
  readonly atMs: number
  readonly output: Output
  readonly text: string
}

export type Output = 'stdout' | 'stderr'

/** What the processes of a container in memory wrote, with the times; the oldest lines go when there are too many. */
export class MemoryLog {
  #lines: readonly Line[] = []
  #count = 0
  readonly #mask
  readonly #onWrite = new Set<() => void>()

  constructor(env: Readonly<Record<string, string>>) {
    this.#mask = knownMask(secretValues(env))
  }

  /** Adds text. A line that was begun before keeps its time. */
  write(text: string, atMs: number, output: Output = 'stdout'): void {
    const last = this.#lines.at(-1)
    const begun = last !== undefined && !last.text.endsWith('\n') ? last : null
    const parts = `${begun?.text ?? ''}${text}`.match(/[^\n]*\n|[^\n]+$/g) ?? []
    const lines = parts.map((part, index): Line => {
      const isBegun = begun !== null && index === 0
      return isBegun ? { ...begun, text: part } : { number: this.#count++, atMs, output, text: part }
    })
    const kept = begun === null ? this.#lines : this.#lines.slice(0, -1)
    this.#lines = [...kept, ...lines]
    this.#drop()
    for (const tell of [...this.#onWrite]) tell()
  }

  /** See `Runtime.logs`. */
  last({ bytes, isTimed = false, ...part }: LogBounds): string {
    const shown = this.#part(part).map((line) => (isTimed ? `${headOf(line, part)}${line.text}` : line.text))
    return logText(shown.join(''), bytes, this.#mask)
  }

  /** See `Runtime.followLog`; `ended` resolves when nothing more will be written. Ends when the signal aborts. */
  async follow(
    part: LogPart,
    onLines: LogHandlers['onLines'],
    ended: Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let isEnded = false
    let news = Promise.withResolvers<void>()
    const tell = () => news.resolve()
    const end = () => {
      isEnded = true
      tell()
    }
    this.#onWrite.add(tell)
    signal.addEventListener('abort', tell, { once: true })
    void ended.then(end, end)
    try {
      let fresh = this.#part(part)
      for (let next = this.#count; ; ) {
        if (fresh.length > 0) await onLines(fresh.map((line) => this.#told(line, part)))
        if (signal.aborted || (isEnded && this.#count === next)) return
        if (this.#count === next) await news.promise
        news = Promise.withResolvers<void>()
        fresh = this.#lines.filter(({ number }) => number >= next)
        next = this.#count
        if (signal.aborted) return
      }
    } finally {
      this.#onWrite.delete(tell)
      signal.removeEventListener('abort', tell)
    }
  }

  #drop(): void {
    let left = LOG_MAX
    const from = this.#lines.findLastIndex(({ text }) => {
      left -= text.length
      return left < 0
    })
    this.#lines = this.#lines.slice(from + 1)
  }

  #told(line: Line, part: LogPart): string {
    const whole = Buffer.from(`${headOf(line, part)}${line.text.replace(/\n$/, '')}`)
    return this.#mask(plainLog(new TextDecoder().decode(whole.subarray(0, LOG_LINE_BYTES_MAX))))
  }

  #part({ lines, sinceMs = Number.NEGATIVE_INFINITY }: LogPart): readonly Line[] {
    const since = this.#lines.filter(({ atMs }) => atMs >= sinceMs)
    return since.slice(Math.max(0, since.length - lines))
  }
}

/** What stands in front of a line with a time. */
const headOf = ({ atMs, output }: Line, { isNamed = false }: LogPart): string =>
  `${timeOf(atMs)} ${isNamed ? `${output} ` : ''}`

/** The time as Docker writes it in front of a line. */
const timeOf = (atMs: number): string => new Date(atMs).toISOString().replace('Z', '000000Z')
