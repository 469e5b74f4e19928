/** How fast a playback runs: at first from the cache, then in real time. */
export interface Burst {
  readonly burstMs: number
  readonly burstFactor: number
}

/**
 * Milliseconds of media to send after `flowedMs` of flow. Measured on a real engine: 22 MB in the first 12 s of a stream of
 * about 620 KB/s, which is three times its rate.
 */
export function mediaDueMs(flowedMs: number, burst: Burst): number {
  const inBurstMs = Math.min(flowedMs, burst.burstMs)
  return inBurstMs * burst.burstFactor + (flowedMs - inBurstMs)
}

/** How many times faster than real time the flow runs at this point. */
export const paceAt = (flowedMs: number, burst: Burst): number =>
  flowedMs < burst.burstMs ? burst.burstFactor : 1
