/** An event of a trace of Chromium, with the members that are read here. Times are in microseconds. */
interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly dur?: number
  /** How long the thread worked meanwhile. */
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

/** How long each task of the page's main thread worked, and how long it took by the clock, in milliseconds. */
export function taskTimesIn(trace: Uint8Array): {
  readonly workedMs: readonly number[]
  readonly tookMs: readonly number[]
} {
  const { traceEvents } = JSON.parse(new TextDecoder().decode(trace)) as {
    readonly traceEvents: readonly TraceEvent[]
  }
  const tasks = traceEvents.filter(({ name, ph }) => name === 'RunTask' && ph === 'X')
  const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`
  const pages = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(threadOf),
  )
  // A browser keeps a spare page for the next address. The one that worked most is the one that is looked at.
  const work = Map.groupBy(
    tasks.filter((task) => pages.has(threadOf(task))),
    threadOf,
  )
  const total = (of: readonly TraceEvent[]): number => of.reduce((sum, { tdur = 0 }) => sum + tdur, 0)
  const own = [...work.values()].toSorted((a, b) => total(b) - total(a))[0] ?? []
  return {
    workedMs: own.map(({ tdur = 0 }) => tdur / 1_000),
    tookMs: own.map(({ dur = 0 }) => dur / 1_000),
  }
}
