/** What the health server says: null when all is well, else what is wrong. */
export interface HealthState {
  error: string | null
}

/** What both kinds of checks do when the VPN comes and goes, and when they have had enough of it. */
export interface HealthChecks {
  /** The process started. */
  begin(): void
  /** The VPN is up: the interface is new. */
  vpnUp(): void
  /** The VPN goes down. */
  vpnDown(): void
}

/** The health target of the recordings. */
export const DIAL_ERROR = 'dialing: dial tcp4 10.200.0.1:8080: i/o timeout'
export const ECHO_ERROR = 'timed out waiting for ICMP echo reply from 10.200.0.1'
