import type { Clock } from '../../src/lib/clock.ts'
import type { Books, EngineBook } from './books.ts'

/** How long the orchestrator leaves an engine alone between a proxy's choice of it and the report of the stream. */
const IDLE_MS = 5_000

/** Checks that no cache is emptied while a viewer may use it. Runs when the container engine is asked to empty the cache. */
export class CacheChecks {
  constructor(
    private readonly deps: {
      readonly clock: Pick<Clock, 'now'>
      readonly books: Books
      readonly onViolation: (text: string) => void
    },
  ) {}

  check(containerId: string, site: string): void {
    const engine = this.deps.books.byContainer(containerId)
    const fault = engine === null ? 'which no row has' : this.#faultOf(engine)
    if (fault !== null)
      this.deps.onViolation(`${site} empties the cache of ${engine?.name ?? containerId}, ${fault}`)
  }

  #faultOf({ id, status, adopted_at, last_stream_at: usedAt, cache_cleaned_at: cleanedAt }: EngineBook) {
    const streams = this.deps.books.streamsOf(id)
    if (streams > 0) return `which has ${streams} started streams`
    if (status !== 'ready') return `which is ${status}`
    if (adopted_at !== null) return 'which may have viewers from before its adoption'
    if (usedAt === null || usedAt <= (cleanedAt ?? 0)) return 'which was not used since the last time'
    const idleMs = this.deps.clock.now() - usedAt
    return idleMs < IDLE_MS ? `which was idle for ${idleMs} ms only` : null
  }
}
