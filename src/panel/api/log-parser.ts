/** A line of a container's log, as `GET /containers/{id}/logs?outputs=true` gives it. */
export interface LogLine {
  /** The whole line, which tells it from others: its time has nanoseconds. */
  readonly raw: string
  /** When it was written, in epoch milliseconds; null if the line does not tell. */
  readonly atMs: number | null
  /** Null for a container with a terminal, which has one output. */
  readonly output: 'stdout' | 'stderr' | null
  readonly text: string
}

const FORM = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (?:(stdout|stderr) )?(.*)$/s

/** Takes a log apart that comes in pieces of any size. A line that has not come whole is kept until the rest comes. */
export class LogParser {
  #rest = ''

  /** Returns the lines that this piece completes. */
  take(text: string): readonly LogLine[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines.map(lineOf)
  }
}

function lineOf(raw: string): LogLine {
  const [, time, output, text] = FORM.exec(raw) ?? []
  if (time === undefined || text === undefined) return { raw, atMs: null, output: null, text: raw }
  // A browser reads milliseconds only.
  const atMs = Date.parse(time.replace(/(\.\d{3})\d+/, '$1'))
  return { raw, atMs: Number.isNaN(atMs) ? null : atMs, output: isOutput(output) ? output : null, text }
}

const isOutput = (word: string | undefined): word is 'stdout' | 'stderr' =>
  word === 'stdout' || word === 'stderr'
