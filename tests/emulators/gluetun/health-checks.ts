/** The answer of the health server: null if all is well, otherwise what is wrong. */
export interface HealthState {
  error: string | null
}

/** The events that both kinds of checks react to. */
export interface HealthChecks {
  /** The process started. */
  begin(): void
  /** The VPN is up, with a new interface. */
  vpnUp(): void
  /** The VPN goes down. */
  vpnDown(): void
}

/** Errors with the health target of the recordings. */
export const DIAL_ERROR = 'dialing: dial tcp4 10.200.0.1:8080: i/o timeout'
export const ECHO_ERROR = 'timed out waiting for ICMP echo reply from 10.200.0.1'
