/** Restarts within this time that are too many, and how many those are. */
const WINDOW_MS = 300_000
const RESTARTS_MAX = 3

/** Times kept of an engine: enough to tell that there were too many. */
const RESTARTS_KEPT = RESTARTS_MAX + 1

interface Seen {
  /** The container engine's count of restarts by policy; it begins anew when somebody starts the container. */
  readonly count: number
  readonly startedAtMs: number | null
}

/**
 * Adds the restarts between two looks to the times known, oldest first. What happened between them is dated by the later
 * start, and one that is only announced by now. If the starts are further apart than the window, only the last one is
 * sure to lie within it, so the others are not counted.
 */
export function withRestarts(
  times: readonly number[],
  before: Seen,
  after: Seen,
  nowMs: number,
): readonly number[] {
  const happened = after.count < before.count ? after.count : after.count - before.count
  if (happened <= 0) return times
  const isAnnounced = after.startedAtMs === null || after.startedAtMs === before.startedAtMs
  const atMs = isAnnounced ? nowMs : Math.min(after.startedAtMs ?? nowMs, nowMs)
  const isLongAgo = before.startedAtMs === null || atMs - before.startedAtMs > WINDOW_MS
  return [...times, ...Array<number>(isLongAgo ? 1 : happened).fill(atMs)].slice(-RESTARTS_KEPT)
}

/** More than three restarts in five minutes: it will not come up by itself. */
export const isCrashLoop = (times: readonly number[], nowMs: number): boolean =>
  times.length > RESTARTS_MAX && times.filter((at) => at > nowMs - WINDOW_MS).length > RESTARTS_MAX
