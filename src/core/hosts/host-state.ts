/** What a host's state means for the engines on it. */
export type HostCondition = 'up' | 'lost' | 'drained'

/** The host of one engine. */
export interface ObservedHost {
  readonly name: string
  readonly condition: HostCondition
  /** Since when, in epoch milliseconds, as far as we saw it. */
  readonly sinceMs: number
}

/**
 * How long after the container engine has given a host up its silent engines are given up as well. It has waited for several
 * heartbeats before, and an agent that only restarts is back within seconds.
 */
export const HOST_GRACE_MS = 10_000

/**
 * A host as one of its engines shows it. An engine that has answered since its host was lost still has it: then only the way
 * between the host and the container engine is lost.
 */
export function asShownBy(
  health: { readonly verdict: string; readonly lastOkMs: number | null },
  host: ObservedHost | null,
): ObservedHost | null {
  if (host?.condition !== 'lost') return host
  const answers = health.verdict === 'healthy' && health.lastOkMs !== null && health.lastOkMs >= host.sinceMs
  return answers ? { ...host, condition: 'up' } : host
}

/** What an operator's and an agent's word add up to. A drained host's containers are stopped, also if it is down. */
export const conditionOf = (host: {
  readonly isUp: boolean
  readonly availability: 'active' | 'pause' | 'drain'
}): HostCondition => {
  if (host.availability === 'drain') return 'drained'
  return host.isUp ? 'up' : 'lost'
}
