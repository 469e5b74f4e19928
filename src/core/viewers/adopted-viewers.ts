/** How long the counters of an adopted engine must stand still until it has no viewer that we don't know of. */
const QUIET_MS = 60_000

/** The same without counters: longer than people watch one stream. */
const UNCOUNTED_MS = 6 * 3_600_000

/**
 * Traffic below this rate is standing still: our own probes and the chatter of an idle peer-to-peer node. A viewer's
 * stream moves ten times as much at least.
 */
const CHATTER_BYTES_PER_S = 16_384

/** What the network counters of one container have shown so far. */
export interface Quiet {
  readonly bytes: number
  readonly atMs: number
  /** Since when they stand still. */
  readonly sinceMs: number
}

/** Adds a reading of sent and received bytes in all. */
export function withReading(before: Quiet | null, bytes: number, atMs: number): Quiet {
  if (before === null) return { bytes, atMs, sinceMs: atMs }
  const allowed = ((atMs - before.atMs) / 1000) * CHATTER_BYTES_PER_S
  const moved = bytes - before.bytes
  // A counter that went back began anew with the container.
  const isStill = moved >= 0 && moved <= allowed
  return { bytes, atMs, sinceMs: isStill ? before.sinceMs : atMs }
}

/** Whether an engine adopted at `adoptedAtMs` is known to have no viewer. `quiet` is null where there are no counters. */
export const isQuiet = (quiet: Quiet | null, adoptedAtMs: number, nowMs: number): boolean =>
  quiet === null ? nowMs - adoptedAtMs >= UNCOUNTED_MS : quiet.atMs - quiet.sinceMs >= QUIET_MS
