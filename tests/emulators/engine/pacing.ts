/** How fast a playback runs: from the cache at first, then in real time. */
export interface Burst {
  readonly burstMs: number
  readonly burstFactor: number
}

/**
 * Milliseconds of media that are due after `flowedMs` of flow. Measured on a real engine: 22 MB in the first 12 s of
 * a stream of about 620 KB/s, three times its rate.
 */
export function mediaDueMs(flowedMs: number, burst: Burst): number {
  const inBurstMs = Math.min(flowedMs, burst.burstMs)
  return inBurstMs * burst.burstFactor + (flowedMs - inBurstMs)
}

/** How many times real time the flow runs at this point. */
export const paceAt = (flowedMs: number, burst: Burst): number =>
  flowedMs < burst.burstMs ? burst.burstFactor : 1
