import { type Engine, generationOf } from '../types.ts'

/**
 * How long an engine has to be idle. A proxy reports a stream when the engine has begun to play it, up to some seconds
 * after it has chosen the engine; what it plays by then must not be taken away.
 */
const IDLE_MS = 5_000

/** Tries without an answer until it is the command that does not end, and not Docker that was away. */
const UNANSWERED_MAX = 3
const RETRY_MS = 30_000

/** A cleanup that did not succeed. It is about one start of an engine, since the stream that ended last. */
export interface CacheAttempt {
  readonly lastStreamAt: number | null
  readonly generation: number
  readonly unanswered: number
  /** Infinite where it failed: not before the next use of the engine, or its next start. */
  readonly retryAtMs: number
}

/** What the decision about one engine's cache needs of it. */
export interface CachedEngine {
  readonly engine: Pick<
    Engine,
    'id' | 'status' | 'adoptedAt' | 'lastStreamAt' | 'cacheCleanedAt' | 'containerStartedAt'
  >
  readonly isRunning: boolean
  readonly startedStreams: number
  /** Its last attempt without success; null without one. */
  readonly attempt: CacheAttempt | null
}

/** Which cache is emptied now, and if none is, when time alone changes that; null: never. */
export interface NextCleanup {
  readonly engineId: string | null
  readonly wakeAtMs: number | null
}

/** Chooses the engine that has waited longest among those that have fallen idle since their last cleanup. */
export function nextCleanup(engines: readonly CachedEngine[], nowMs: number): NextCleanup {
  const [first] = engines
    .map((cached) => ({ id: cached.engine.id, dueAtMs: dueAtMs(cached) }))
    .filter(({ dueAtMs }) => dueAtMs < Number.POSITIVE_INFINITY)
    .toSorted((one, other) => one.dueAtMs - other.dueAtMs)
  if (first === undefined) return { engineId: null, wakeAtMs: null }
  const isDue = first.dueAtMs <= nowMs
  return { engineId: isDue ? first.id : null, wakeAtMs: isDue ? null : first.dueAtMs }
}

/** Infinite where time alone does not make it due. An adopted engine may have viewers that we don't know of. */
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

/** The cleanup failed, and would again. */
export const failedAttempt = (engine: Tried): CacheAttempt => ({
  lastStreamAt: engine.lastStreamAt,
  generation: generationOf(engine),
  unanswered: 0,
  retryAtMs: Number.POSITIVE_INFINITY,
})

/** Nobody knows what became of the cleanup: it is tried again later, but not for ever. */
export function unansweredAttempt(before: CacheAttempt | null, engine: Tried, nowMs: number): CacheAttempt {
  const unanswered = (before !== null && isAbout(before, engine) ? before.unanswered : 0) + 1
  const isOver = unanswered >= UNANSWERED_MAX
  return { ...failedAttempt(engine), unanswered, ...(isOver ? {} : { retryAtMs: nowMs + RETRY_MS }) }
}

/** Whether it is not tried again until the engine's next use or start. */
export const isGivenUp = ({ retryAtMs }: CacheAttempt): boolean => retryAtMs === Number.POSITIVE_INFINITY
