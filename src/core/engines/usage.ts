/** What an engine's container has used since its start, at one time; null for what is not counted. */
export interface UsageReading {
  /** Epoch milliseconds, by the clock of the container engine. */
  readonly atMs: number
  readonly cpuMs: number | null
  readonly memoryBytes: number | null
  readonly network: { readonly receivedBytes: number; readonly sentBytes: number } | null
  readonly blocks: { readonly readBytes: number; readonly writtenBytes: number } | null
}

/** What it used per second between two readings; null where that is not known. */
export interface UsageRates {
  /** Processor time per time: 1 is a whole core. */
  readonly cores: number | null
  readonly receivedPerSecond: number | null
  readonly sentPerSecond: number | null
}

/**
 * The rates between two readings. Not known without an earlier reading, and where a counter has begun anew because the
 * container was started again.
 */
export function ratesBetween(before: UsageReading | null, after: UsageReading): UsageRates {
  const ms = before === null ? 0 : after.atMs - before.atMs
  const perMs = (earlier: number | null | undefined, later: number | null | undefined): number | null => {
    if (earlier == null || later == null || ms <= 0 || later < earlier) return null
    return (later - earlier) / ms
  }
  const perSecond = (rate: number | null): number | null => rate && Math.round(rate * 1_000)
  return {
    cores: perMs(before?.cpuMs, after.cpuMs),
    receivedPerSecond: perSecond(perMs(before?.network?.receivedBytes, after.network?.receivedBytes)),
    sentPerSecond: perSecond(perMs(before?.network?.sentBytes, after.network?.sentBytes)),
  }
}

/** How long somebody who asked counts as looking on. */
export const LOOKING_ON_MS = 60_000

/** The time between two rounds while somebody looks on, and while nobody does. */
export const BUSY_ROUND_MS = 5_000
const IDLE_ROUND_MS = 30_000

/** A round of many engines begins later, so that this is the mean time between two questions at least. */
const QUESTION_MS = 250

/** The time from the beginning of a round of questions to that of the next one. */
export const usageRoundMs = (engines: number, isLookedOn: boolean): number =>
  Math.max(isLookedOn ? BUSY_ROUND_MS : IDLE_ROUND_MS, engines * QUESTION_MS)
