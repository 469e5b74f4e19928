/** One answer of `/metrics`. */
export class Exposition {
  readonly #values = new Map<string, number>()
  readonly #counters = new Set<string>()

  constructor(readonly text: string) {
    for (const line of text.split('\n')) {
      const [, counted, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
      if (counted !== undefined && (type === 'counter' || type === 'histogram')) this.#counters.add(counted)
      const [, series, value] = /^([a-zA-Z_:][^ ]*(?:\{.*\})?) (\S+)$/.exec(line) ?? []
      if (series !== undefined) this.#values.set(series, Number(value))
    }
  }

  /**
   * The value of a series. `series` is its name with its labels, exactly as in the text. Throws if there is no such series.
   */
  of(series: string): number {
    const value = this.#values.get(series)
    if (value === undefined) throw new Error(`no series ${series}`)
    return value
  }

  /** The values of a metric that are not 0, by the text of their labels. */
  all(metric: string): Readonly<Record<string, number>> {
    const own = [...this.#values].filter(([series, value]) => series.startsWith(`${metric}{`) && value !== 0)
    return Object.fromEntries(own.map(([series, value]) => [series.slice(metric.length + 1, -1), value]))
  }

  series(): readonly string[] {
    return [...this.#values.keys()]
  }

  /** The series that only grow: those of counters and histograms. */
  counters(): ReadonlyMap<string, number> {
    const isCounted = (series: string) =>
      this.#counters.has(series.replace(/\{.*/, '').replace(/_(bucket|sum|count)$/, ''))
    return new Map([...this.#values].filter(([series]) => isCounted(series)))
  }
}
