/** The differences between the versions, each as recorded (tests/fixtures/gluetun). */
export interface Dialect {
  readonly name: DialectName
  /** The version and commit that `/v1/version` reports. */
  readonly version: string
  readonly commit: string
  /** Which role settings the version reads. A version that reads none has no authentication. */
  readonly readsRoleFile: boolean
  readonly readsDefaultRole: boolean
  /** Whether nearly all routes are open while no role is configured. */
  readonly openWithoutRoles: boolean
  /** How a route that does not exist is refused before any handler runs. */
  readonly unknownRoute: 'unauthorized' | 'not found'
  /** The prefix of an error about roles at the start. */
  readonly roleErrorPrefix: string
  readonly hasPortforward: boolean
  readonly putPortforward: 'unknown' | 'not supported' | 'works'
  /** `port`: one number, or only `ports` if there are several. `both`: always both fields. */
  readonly portBody: 'port' | 'both'
  /** Whether a forwarded port comes back after the VPN was stopped and started. */
  readonly portReturns: boolean
  /** Whether a port request without an answer keeps the VPN in `stopping`. */
  readonly portRequestHoldsStop: boolean
  /** Delay between the VPN being up and its first public IP and port. */
  readonly portDelayMs: number
  /** The answer of `/v1/openvpn/status` under WireGuard. */
  readonly openvpnStatus: 'of the loop' | 'stopped'
  readonly dnsStatus: 'running' | 'stopped'
  /** The time-outs of the old, continuous health check, or the periodic checks. */
  readonly health: ContinuousChecks | 'periodic'
  /** After how many failed health checks Docker reports the container as unhealthy. */
  readonly healthcheckRetries: number
  /** Timeout of the `healthcheck` command. It is longer than Docker's timeout if the command has none of its own. */
  readonly healthcheckTimeoutMs: number
}

/** The old health check. It dials repeatedly, each time with the next of these time-outs; the last one repeats for ever. */
export interface ContinuousChecks {
  readonly dialTimeoutsMs: readonly [number, ...number[]]
  readonly pauseAfterFailureMs: number
}

/** All versions that can be emulated. */
export const DIALECT_NAMES = ['v3.38.0', 'v3.40.4', 'v3.41.1', 'v3.41.3', 'master'] as const

export type DialectName = (typeof DIALECT_NAMES)[number]

const V3_38_0: Dialect = {
  name: 'v3.38.0',
  version: 'v3.38.0',
  commit: 'b3ceece',
  readsRoleFile: false,
  readsDefaultRole: false,
  openWithoutRoles: true,
  unknownRoute: 'not found',
  roleErrorPrefix: '',
  hasPortforward: false,
  putPortforward: 'unknown',
  portBody: 'port',
  portReturns: false,
  portRequestHoldsStop: true,
  portDelayMs: 0,
  openvpnStatus: 'of the loop',
  dnsStatus: 'stopped',
  health: { dialTimeoutsMs: [3000], pauseAfterFailureMs: 1000 },
  healthcheckRetries: 1,
  healthcheckTimeoutMs: 60_000,
}

const V3_40_4: Dialect = {
  ...V3_38_0,
  name: 'v3.40.4',
  version: 'v3.40.4',
  commit: 'bb4e61f',
  readsRoleFile: true,
  unknownRoute: 'unauthorized',
  portReturns: true,
  portRequestHoldsStop: false,
  portDelayMs: 300,
  openvpnStatus: 'stopped',
  health: { dialTimeoutsMs: [2000, 4000, 6000, 8000, 10_000], pauseAfterFailureMs: 0 },
  healthcheckRetries: 3,
}

const V3_41_1: Dialect = {
  ...V3_40_4,
  name: 'v3.41.1',
  version: 'v3.41.1',
  commit: '7f22fb3',
  readsDefaultRole: true,
  roleErrorPrefix: 'building authentication middleware settings: ',
  hasPortforward: true,
  portRequestHoldsStop: true,
  health: 'periodic',
}

const V3_41_3: Dialect = {
  ...V3_41_1,
  name: 'v3.41.3',
  version: 'v3.41.3',
  commit: '3d1e20c',
  unknownRoute: 'not found',
  putPortforward: 'not supported',
  portBody: 'both',
  healthcheckTimeoutMs: 1000,
}

const MASTER: Dialect = {
  ...V3_41_3,
  name: 'master',
  version: 'latest',
  commit: '7eed6ea',
  openWithoutRoles: false,
  putPortforward: 'works',
  dnsStatus: 'running',
}

/** All versions by name. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  'v3.38.0': V3_38_0,
  'v3.40.4': V3_40_4,
  'v3.41.1': V3_41_1,
  'v3.41.3': V3_41_3,
  master: MASTER,
}

/** Whether `text` names a version that can be emulated. */
export const isDialectName = (text: string): text is DialectName => Object.hasOwn(DIALECTS, text)
