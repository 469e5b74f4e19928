/** More than `RESTARTS_MAX` restarts within this time are too many. */
const WINDOW_MS = 300_000
const RESTARTS_MAX = 3

/** Number of restart times that are kept for an engine: enough to see that there were too many. */
const RESTARTS_KEPT = RESTARTS_MAX + 1

interface Seen {
  /**
   * The number of restarts by the restart policy, as the container engine counts them; it starts at 0 again when somebody
   * starts the container.
   */
  readonly count: number
  readonly startedAtMs: number | null
}

/**
 * Adds the restarts between two observations to the known times, oldest first. All restarts in between get the time of the
 * later start; a restart that is only announced gets the present time. If the two starts are further apart than the window,
 * only the last restart is certain to lie within it, so the others are not counted.
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

/** Whether there were more than three restarts in five minutes: such a container will not come up by itself. */
export const isCrashLoop = (times: readonly number[], nowMs: number): boolean =>
  times.length > RESTARTS_MAX && times.filter((at) => at > nowMs - WINDOW_MS).length > RESTARTS_MAX
