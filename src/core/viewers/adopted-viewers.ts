/** How long the counters of an adopted engine must stand still until the engine counts as having no unknown viewer. */
const QUIET_MS = 60_000

/** The same for an engine without counters: longer than people watch one stream. */
const UNCOUNTED_MS = 6 * 3_600_000

/**
 * Traffic below this rate counts as standing still: our own probes and the traffic of an idle peer-to-peer node. A viewer's
 * stream moves at least ten times as much.
 */
const CHATTER_BYTES_PER_S = 16_384

/** What the network counters of one container have shown so far. */
export interface Quiet {
  readonly bytes: number
  readonly atMs: number
  /** Since when the counters stand still. */
  readonly sinceMs: number
}

/** Adds a reading; `bytes` is the sum of sent and received bytes. */
export function withReading(before: Quiet | null, bytes: number, atMs: number): Quiet {
  if (before === null) return { bytes, atMs, sinceMs: atMs }
  const allowed = ((atMs - before.atMs) / 1000) * CHATTER_BYTES_PER_S
  const moved = bytes - before.bytes
  // A counter that went back was reset with the container.
  const isStill = moved >= 0 && moved <= allowed
  return { bytes, atMs, sinceMs: isStill ? before.sinceMs : atMs }
}

/**
 * Whether an engine that was adopted at `adoptedAtMs` is known to have no viewer. `quiet` is null if there are no counters.
 */
export const isQuiet = (quiet: Quiet | null, adoptedAtMs: number, nowMs: number): boolean =>
  quiet === null ? nowMs - adoptedAtMs >= UNCOUNTED_MS : quiet.atMs - quiet.sinceMs >= QUIET_MS
