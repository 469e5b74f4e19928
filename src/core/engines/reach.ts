/**
 * Why an engine is of no use where it is, though nothing is known against the engine itself. `us`: it shares no network with
 * us and has not answered us. `proxies`: its port is not published at the address that proxies are told. `names`: proxies are
 * told its name, which means nothing in its networks.
 */
export interface OutOfReach {
  readonly of: 'us' | 'proxies' | 'names'
  /** Whether new engines are made where they are reached, so that this one makes way for another when it is idle. */
  readonly isMoving: boolean
}

/**
 * Whether our own questions do not reach the engine. Then its silence says nothing about the engine, and it is not held
 * against it.
 */
export const isBeyondUs = ({ outOfReach }: { readonly outOfReach: OutOfReach | null }): boolean =>
  outOfReach?.of === 'us'

/** How long an engine is asked in vain after its start before its place is taken for the cause. */
const BOOT_PATIENCE_MS = 5_000

/** What is known of the answers of one start of an engine. */
export interface Answers {
  readonly isBooting: boolean
  readonly probedSinceMs: number | null
  readonly lastProbeMs: number | null
  readonly lastOkMs: number | null
}

/**
 * Whether the engine was asked and has not answered since `fromMs`, when our networks last changed. One that boots is given
 * some seconds.
 */
export function isMuteSince(
  { isBooting, probedSinceMs, lastProbeMs, lastOkMs }: Answers,
  { fromMs, nowMs }: { readonly fromMs: number; readonly nowMs: number },
): boolean {
  if (probedSinceMs === null || (lastOkMs !== null && lastOkMs >= fromMs)) return false
  if (isBooting) return nowMs - Math.max(probedSinceMs, fromMs) >= BOOT_PATIENCE_MS
  return lastProbeMs !== null && lastProbeMs >= fromMs
}

/**
 * Whether a port that is published on such addresses of the host is none at the address that proxies are told. Another
 * address may be passed on to ours, and a name may be that of any address (null), so only the host's loopback tells.
 */
export const isUntold = (
  published: 'all' | 'loopback' | 'another' | null,
  told: 'loopback' | 'address' | null,
): boolean =>
  (published === 'loopback' && told === 'address') || (published === 'another' && told === 'loopback')
