import { type Engine, generationOf } from '../types.ts'

/**
 * How long an engine has to be idle before its cache is emptied. A proxy reports a stream only when the engine has begun to
 * play it, up to some seconds after the proxy has chosen the engine. The cache of such a stream must not be emptied.
 */
const IDLE_MS = 5_000

/**
 * Attempts without an answer after which the cleanup is given up: by then the command itself hangs, and the cause is not an
 * unreachable Docker.
 */
const UNANSWERED_MAX = 3
const RETRY_MS = 30_000

/** A cleanup that did not succeed. It belongs to one start of an engine and to the time since its last stream ended. */
export interface CacheAttempt {
  readonly lastStreamAt: number | null
  readonly generation: number
  readonly unanswered: number
  /** When the cleanup is tried again. Infinity if it failed: then not before the engine's next use or next start. */
  readonly retryAtMs: number
}

/** The facts about one engine that decide about its cache. */
export interface CachedEngine {
  readonly engine: Pick<
    Engine,
    'id' | 'status' | 'adoptedAt' | 'lastStreamAt' | 'cacheCleanedAt' | 'containerStartedAt'
  >
  readonly isRunning: boolean
  readonly startedStreams: number
  /** The engine's last unsuccessful attempt; null if there was none. */
  readonly attempt: CacheAttempt | null
}

/**
 * The engine whose cache is emptied now, or null. `wakeAtMs` is when the next cleanup becomes due by time alone; null for
 * never.
 */
export interface NextCleanup {
  readonly engineId: string | null
  readonly wakeAtMs: number | null
}

/** Chooses the engine that has waited longest among those that became idle since their last cleanup. */
export function nextCleanup(engines: readonly CachedEngine[], nowMs: number): NextCleanup {
  const [first] = engines
    .map((cached) => ({ id: cached.engine.id, dueAtMs: dueAtMs(cached) }))
    .filter(({ dueAtMs }) => dueAtMs < Number.POSITIVE_INFINITY)
    .toSorted((one, other) => one.dueAtMs - other.dueAtMs)
  if (first === undefined) return { engineId: null, wakeAtMs: null }
  const isDue = first.dueAtMs <= nowMs
  return { engineId: isDue ? first.id : null, wakeAtMs: isDue ? null : first.dueAtMs }
}

/**
 * When the cleanup is due; infinity if time alone does not make it due. An adopted engine may have viewers that we do not
 * know of, so its cleanup is never due.
 */
function dueAtMs({ engine, isRunning, startedStreams, attempt }: CachedEngine): number {
  const { status, adoptedAt, lastStreamAt, cacheCleanedAt } = engine
  const isIdle = status === 'ready' && isRunning && startedStreams === 0 && adoptedAt === null
  const wasUsed = lastStreamAt !== null && lastStreamAt > (cacheCleanedAt ?? Number.NEGATIVE_INFINITY)
  if (!isIdle || !wasUsed) return Number.POSITIVE_INFINITY
  const retryAtMs = attempt !== null && isAbout(attempt, engine) ? attempt.retryAtMs : 0
  return Math.max(lastStreamAt + IDLE_MS, retryAtMs)
}

type Tried = Pick<Engine, 'lastStreamAt' | 'containerStartedAt'>

const isAbout = (attempt: CacheAttempt, engine: Tried): boolean =>
  attempt.lastStreamAt === engine.lastStreamAt && attempt.generation === generationOf(engine)

/** The attempt for a cleanup that failed and would fail again. */
export const failedAttempt = (engine: Tried): CacheAttempt => ({
  lastStreamAt: engine.lastStreamAt,
  generation: generationOf(engine),
  unanswered: 0,
  retryAtMs: Number.POSITIVE_INFINITY,
})

/** The attempt for a cleanup whose outcome is unknown: it is tried again later, but only a limited number of times. */
export function unansweredAttempt(before: CacheAttempt | null, engine: Tried, nowMs: number): CacheAttempt {
  const unanswered = (before !== null && isAbout(before, engine) ? before.unanswered : 0) + 1
  const isOver = unanswered >= UNANSWERED_MAX
  return { ...failedAttempt(engine), unanswered, ...(isOver ? {} : { retryAtMs: nowMs + RETRY_MS }) }
}

/** Whether the cleanup is not tried again before the engine's next use or start. */
export const isGivenUp = ({ retryAtMs }: CacheAttempt): boolean => retryAtMs === Number.POSITIVE_INFINITY
