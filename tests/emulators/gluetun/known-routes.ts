import type { Dialect } from './dialect.ts'

/** The routes that the role file may name in every version with authentication. */
const COMMON = [
  'GET /openvpn/actions/restart',
  'GET /unbound/actions/restart',
  'GET /updater/restart',
  'GET /v1/version',
  'GET /v1/vpn/status',
  'PUT /v1/vpn/status',
  'GET /v1/openvpn/status',
  'PUT /v1/openvpn/status',
  'GET /v1/openvpn/portforwarded',
  'GET /v1/dns/status',
  'PUT /v1/dns/status',
  'GET /v1/updater/status',
  'PUT /v1/updater/status',
  'GET /v1/publicip/ip',
]

/** Known routes that are never open by default. */
const SETTINGS_ROUTES = [
  'GET /v1/vpn/settings',
  'PUT /v1/vpn/settings',
  'GET /v1/openvpn/settings',
  'PUT /v1/openvpn/settings',
]

/** The routes of one version, each as `METHOD /path`. */
export interface KnownRoutes {
  readonly all: ReadonlySet<string>
  /** The routes that are open while no role is configured, in versions that do this. */
  readonly open: ReadonlySet<string>
}

/** The routes that a version knows; gluetun has a similar table in `internal/server/middlewares/auth`. */
export function knownRoutes(dialect: Dialect): KnownRoutes {
  const portforward = dialect.hasPortforward ? ['GET /v1/portforward', 'GET /openvpn/portforwarded'] : []
  const closed = [
    ...SETTINGS_ROUTES,
    ...(dialect.hasPortforward ? ['GET /openvpn/settings'] : []),
    ...(dialect.putPortforward === 'unknown' ? [] : ['PUT /v1/portforward']),
  ]
  const open = new Set([...COMMON, ...portforward])
  return { all: new Set([...open, ...closed]), open }
}
