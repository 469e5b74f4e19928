import { flag, isRecord, isWhole, mergeByRules, type Rule, type Rules } from '../engine/fault-rules.ts'

/** What the next connection to the VPN server changes. Members that are left out stay unchanged. */
export interface Reconnect {
  readonly public_ip?: string
  /** 0 means that the provider forwards no port any more. */
  readonly forwarded_port?: number
}

/** The present faults of Gluetun. `GET /faults` and `POST /faults` use the same fields. */
export interface Faults {
  /** The VPN server does not answer. Nothing passes the tunnel, and Gluetun notices it after its usual delay. */
  readonly tunnel_cut: boolean
  /** The control server accepts connections and does not answer until the fault is cleared. */
  readonly control_hang: boolean
  /** The control server answers everything with this status, 400 to 599. */
  readonly control_status: number | null
  /** The control server's port is closed. */
  readonly control_refuse: boolean
  /** The control server answers everything with status 200 and this text. */
  readonly garbage: string | null
  /** The answer of the health server, whatever the VPN does. `hang`: it accepts and does not answer. */
  readonly health: 'healthy' | 'unhealthy' | 'hang' | null
  /** What the health server says is wrong where `health` is `unhealthy` and all is well. */
  readonly health_text: string
  /** The status that the status routes report, whatever the VPN does. */
  readonly status: string | null
  /** The forwarded port and public IP, from now until this is null again; 0 for no port, '' for no address. */
  readonly forwarded_port: number | null
  readonly public_ip: string | null
  /** The same for several forwarded ports; empty for none. It goes before `forwarded_port`. */
  readonly forwarded_ports: readonly number[] | null
  /** The forwarded ports change by themselves after each such time; 0 for never, null for what the settings say. */
  readonly port_change_ms: number | null
  /** Applied by the next successful connection, and then null again. */
  readonly reconnect: Reconnect | null
  /** The process ends with this code, shortly after the answer. */
  readonly exit: number | null
}

/** No fault. */
export const NO_FAULTS: Faults = {
  tunnel_cut: false,
  control_hang: false,
  control_status: null,
  control_refuse: false,
  garbage: null,
  health: null,
  health_text: 'forced by a test',
  status: null,
  forwarded_port: null,
  public_ip: null,
  forwarded_ports: null,
  port_change_ms: null,
  reconnect: null,
  exit: null,
}

const HEALTH_WORDS: readonly unknown[] = ['healthy', 'unhealthy', 'hang', null]

const text: Rule<string | null> = {
  check: (value): value is string | null => value === null || typeof value === 'string',
  expected: 'a text or null',
}

const isWithin = (value: unknown, least: number, most: number): value is number =>
  isWhole(value) && value >= least && value <= most

const RULES: Rules<Faults> = {
  tunnel_cut: flag,
  control_hang: flag,
  control_status: {
    check: (value): value is number | null => value === null || isWithin(value, 400, 599),
    expected: 'a status from 400 to 599 or null',
  },
  control_refuse: flag,
  garbage: text,
  health: {
    check: (value): value is Faults['health'] => HEALTH_WORDS.includes(value),
    expected: 'healthy, unhealthy, hang or null',
  },
  health_text: {
    check: (value): value is string => typeof value === 'string',
    expected: 'a text',
  },
  status: text,
  forwarded_port: {
    check: (value): value is number | null => value === null || isWithin(value, 0, 65_535),
    expected: 'a port, 0 or null',
  },
  public_ip: text,
  forwarded_ports: {
    check: (value): value is readonly number[] | null => value === null || isPortList(value),
    expected: 'a list of ports or null',
  },
  port_change_ms: {
    check: (value): value is number | null => value === null || isWithin(value, 0, 1e9),
    expected: 'milliseconds or null',
  },
  reconnect: {
    check: (value): value is Reconnect | null => value === null || isReconnect(value),
    expected: 'an object with public_ip and forwarded_port, or null',
  },
  exit: {
    check: (value): value is number | null => value === null || isWithin(value, 0, 255),
    expected: 'an exit code from 0 to 255 or null',
  },
}

const isPortList = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((port) => isWithin(port, 1, 65_535))

function isReconnect(value: unknown): value is Reconnect {
  if (!isRecord(value)) return false
  const { public_ip: ip, forwarded_port: port, ...others } = value
  if (Object.keys(others).length > 0) return false
  return (ip === undefined || typeof ip === 'string') && (port === undefined || isWithin(port, 0, 65_535))
}

/**
 * Returns `current` with the fields of `input` replaced. Other fields stay unchanged.
 *
 * @throws {FaultError} if `input` is not an object, has an unknown field or a value out of range.
 */
export const mergeFaults = (current: Faults, input: unknown): Faults => mergeByRules(RULES, current, input)
