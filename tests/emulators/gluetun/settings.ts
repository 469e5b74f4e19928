import { DIALECT_NAMES, DIALECTS, type Dialect, isDialectName } from './dialect.ts'

/** Where a server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** The settings of one emulated Gluetun, fixed for its life. Times are milliseconds. */
export interface Settings {
  readonly dialect: Dialect
  readonly controlServer: Address
  /** Whether there is a control server. A VPN container that is no Gluetun has none. */
  readonly hasControlServer: boolean
  readonly healthServer: Address
  /** The address of the test control port. */
  readonly testControl: Address
  readonly roleFilePath: string
  /** The text that replaces the role file. */
  readonly roleFileText: string | null
  /** The default role as given, in JSON. */
  readonly defaultRole: string
  readonly publicIpEnabled: boolean
  readonly publicIp: string
  /** Native port forwarding. */
  readonly portForwarding: boolean
  readonly portForwardingProvider: string
  readonly forwardedPorts: readonly number[]
  /** After each such time the provider forwards other ports, without a reconnect; 0 for never. */
  readonly portChangeMs: number
  /** Whether Gluetun restarts a VPN that fails its health check. */
  readonly restartVpn: boolean
  readonly patienceInitialMs: number
  readonly patienceAdditionMs: number
  readonly successWaitMs: number
  /** Time from the start of the process until its servers open. */
  readonly bootMs: number
  /** How many times faster than in the real one a cut is noticed; 1 unless `DETECT_MS` is set. */
  readonly detectionSpeed: number
  readonly startupCheckMs: number
  /** WireGuard retries a handshake without an answer after this time. */
  readonly handshakeMs: number
}

/** A setting is not valid. The message names it. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads settings from the environment: Gluetun's own variables under their real names, and those of the emulator (`DIALECT`,
 * `CONTROL_PORT`, `CONTROL_SERVER`, `BIND_ADDRESS`, `AUTH_CONFIG_TOML`, `PUBLIC_IP`, `FORWARDED_PORT`, `PORT_CHANGE_MS`,
 * `BOOT_MS`, `DETECT_MS`, `STARTUP_CHECK_MS`, `HANDSHAKE_MS`). `FORWARDED_PORT` may be several, or 0 for none. `DETECT_MS` is
 * the shortest time from a cut to bad health. It scales everything that
 * happens before the cut is noticed, so the longest time is up to 1.5 times that (since v3.41) or 3.5 times (before), as in
 * the real one. Unknown variables are ignored.
 *
 * @throws {SettingError} if a value is not valid.
 */
export function readSettings(env: Environment): Settings {
  const value = (name: keyof typeof DEFAULTS): string => env[name] || DEFAULTS[name]
  const number = (name: keyof typeof DEFAULTS): number => wholeNumber(value(name), name)
  const time = (name: keyof typeof DEFAULTS): number => duration(value(name), name)
  const dialect = dialectOf(value('DIALECT'))
  return {
    dialect,
    controlServer: address(value('HTTP_CONTROL_SERVER_ADDRESS'), 'HTTP_CONTROL_SERVER_ADDRESS'),
    hasControlServer: isOn(value('CONTROL_SERVER')),
    healthServer: address(value('HEALTH_SERVER_ADDRESS'), 'HEALTH_SERVER_ADDRESS'),
    testControl: address(`${value('BIND_ADDRESS')}:${value('CONTROL_PORT')}`, 'CONTROL_PORT'),
    roleFilePath: value('HTTP_CONTROL_SERVER_AUTH_CONFIG_FILEPATH'),
    roleFileText: env.AUTH_CONFIG_TOML || null,
    defaultRole: value('HTTP_CONTROL_SERVER_AUTH_DEFAULT_ROLE'),
    publicIpEnabled: isOn(value('PUBLICIP_ENABLED')),
    publicIp: value('PUBLIC_IP'),
    portForwarding: isOn(value('VPN_PORT_FORWARDING')),
    portForwardingProvider: env.VPN_PORT_FORWARDING_PROVIDER ?? '',
    forwardedPorts: portList(value('FORWARDED_PORT')),
    portChangeMs: number('PORT_CHANGE_MS'),
    restartVpn: isOn(value('HEALTH_RESTART_VPN')),
    patienceInitialMs: time('HEALTH_VPN_DURATION_INITIAL'),
    patienceAdditionMs: time('HEALTH_VPN_DURATION_ADDITION'),
    successWaitMs: time('HEALTH_SUCCESS_WAIT_DURATION'),
    bootMs: number('BOOT_MS'),
    detectionSpeed: detectionSpeed(number('DETECT_MS'), dialect),
    startupCheckMs: number('STARTUP_CHECK_MS'),
    handshakeMs: number('HANDSHAKE_MS'),
  }
}

/** Gluetun's own defaults, followed by those of the emulator. */
const DEFAULTS = {
  HTTP_CONTROL_SERVER_ADDRESS: ':8000',
  HEALTH_SERVER_ADDRESS: '127.0.0.1:9999',
  HTTP_CONTROL_SERVER_AUTH_CONFIG_FILEPATH: '/gluetun/auth/config.toml',
  HTTP_CONTROL_SERVER_AUTH_DEFAULT_ROLE: '{}',
  PUBLICIP_ENABLED: 'on',
  VPN_PORT_FORWARDING: 'off',
  HEALTH_RESTART_VPN: 'on',
  HEALTH_VPN_DURATION_INITIAL: '6s',
  HEALTH_VPN_DURATION_ADDITION: '5s',
  HEALTH_SUCCESS_WAIT_DURATION: '5s',
  DIALECT: 'v3.41.3',
  CONTROL_PORT: '8999',
  CONTROL_SERVER: 'on',
  BIND_ADDRESS: '0.0.0.0',
  PUBLIC_IP: '203.0.113.7',
  FORWARDED_PORT: '51413',
  PORT_CHANGE_MS: '0',
  BOOT_MS: '300',
  /** 0 means: as in the real one. */
  DETECT_MS: '0',
  STARTUP_CHECK_MS: '6000',
  HANDSHAKE_MS: '5000',
} as const

/** Since v3.41, the ten tries of an echo (gluetun v3.41.3, `internal/healthcheck/checker.go`). */
export const ECHO_TRIES_MS = [
  5000, 5000, 5000, 10_000, 10_000, 10_000, 15_000, 15_000, 15_000, 30_000,
] as const

function detectionSpeed(detectMs: number, { health }: Dialect): number {
  if (detectMs === 0) return 1
  const realMs =
    health === 'periodic' ? ECHO_TRIES_MS.reduce((sum, tryMs) => sum + tryMs, 0) : health.dialTimeoutsMs[0]
  return realMs / detectMs
}

function dialectOf(text: string): Dialect {
  if (!isDialectName(text)) throw new SettingError(`DIALECT is none of ${DIALECT_NAMES.join(', ')}: ${text}`)
  return DIALECTS[text]
}

/** Reads an address in Go's format: no host means all interfaces. */
function address(text: string, name: string): Address {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? []
  if (port === '' || Number(port) > 65_535) throw new SettingError(`${name} is not an address: ${text}`)
  return { host: host || '0.0.0.0', port: Number(port) }
}

function portList(text: string): readonly number[] {
  return text.split(',').map((port) => {
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
      throw new SettingError(`FORWARDED_PORT is not a port: ${port}`)
    }
    return Number(port)
  })
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Reads Go's durations of one unit, such as `6s` or `500ms`. */
function duration(text: string, name: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  if (unitMs === undefined) throw new SettingError(`${name} is not a duration: ${text}`)
  return Number(amount) * unitMs
}

function wholeNumber(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new SettingError(`${name} is not a whole number: ${text}`)
  return Number(text)
}

const isOn = (text: string): boolean => /^(on|yes|true|1)$/i.test(text)
