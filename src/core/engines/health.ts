/** One measurement of an engine: whether `get_status` was answered in time. */
export interface Probe {
  readonly ok: boolean
  readonly atMs: number
  /** What went wrong, in words; null if the engine answered. */
  readonly error: string | null
}

export type Verdict = 'healthy' | 'unhealthy' | 'unknown'

/**
 * The summary of all probes of one engine. It is kept in memory, so after a restart everything is unknown until the next
 * probe.
 */
export interface Health {
  readonly verdict: Verdict
  readonly sinceMs: number
  /** Failures and good answers in a row, up to the last probe. */
  readonly failures: number
  readonly successes: number
  readonly lastProbeMs: number | null
  readonly lastOkMs: number | null
  readonly lastError: string | null
}

/** The verdict on an engine that was not probed yet. */
export const unknownHealth = (nowMs: number): Health => ({
  verdict: 'unknown',
  sinceMs: nowMs,
  failures: 0,
  successes: 0,
  lastProbeMs: null,
  lastOkMs: null,
  lastError: null,
})

/**
 * Adds a probe to a verdict. If nothing is known about an engine, one good answer makes it healthy. After that, `threshold`
 * failures in a row make it unhealthy, and as many good answers make it healthy again. So one slow answer does not drive
 * viewers away from a good engine, and one good answer does not lead them to an unstable one. A probe that is older than the
 * last one changes nothing.
 */
export function withProbe(health: Health, probe: Probe, threshold: number): Health {
  if (health.lastProbeMs !== null && probe.atMs < health.lastProbeMs) return health
  const failures = probe.ok ? 0 : health.failures + 1
  const successes = probe.ok ? health.successes + 1 : 0
  const isWell = probe.ok && (health.verdict !== 'unhealthy' || successes >= threshold)
  const verdict = isWell ? 'healthy' : failures >= threshold ? 'unhealthy' : health.verdict
  return {
    verdict,
    sinceMs: verdict === health.verdict ? health.sinceMs : probe.atMs,
    failures,
    successes,
    lastProbeMs: probe.atMs,
    lastOkMs: probe.ok ? probe.atMs : health.lastOkMs,
    lastError: probe.ok ? null : probe.error,
  }
}

/** Turns a verdict unknown if its last probe is older than `maxAgeMs`. */
export function agedHealth(health: Health, nowMs: number, maxAgeMs: number): Health {
  const fresh = health.lastProbeMs !== null && nowMs - health.lastProbeMs <= maxAgeMs
  return fresh || health.verdict === 'unknown'
    ? health
    : { ...unknownHealth(nowMs), lastError: health.lastError }
}
