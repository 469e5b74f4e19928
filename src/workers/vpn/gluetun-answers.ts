import { isIP } from 'node:net'
import { ControlFailure } from './gluetun-problems.ts'
import type { ControlFact } from './vpn-protocol.ts'

/*
 * Readers for the answers of Gluetun's control server, as recorded from v3.38.0 to master. Each
 * reader throws if the text is no such answer. The content type is no help: JSON comes as text/plain.
 */

type VpnStatus = NonNullable<ControlFact['status']>

const STATUSES: readonly VpnStatus[] = ['starting', 'running', 'stopping', 'stopped', 'crashed', 'completed']

/** The maximum length of a place name, because these names are shown to people. */
const NAME_MAX = 100

/** Reads the answer to `GET /v1/vpn/status`: the state of the VPN loop. */
export function readStatus(text: string): VpnStatus {
  const { status } = objectIn(text)
  if (status === '') throw new ControlFailure('no_state')
  const known = STATUSES.find((word) => word === status)
  if (known === undefined) throw new Error('no status')
  return known
}

/** More ports than a provider forwards to one client. */
const PORTS_MAX = 20

/**
 * Reads the answer of both routes for the forwarded ports; empty if no port is forwarded now. Some versions list several
 * ports in `ports` and leave `port` out; `ports` is null before the first one.
 */
export function readForwardedPorts(text: string): number[] {
  const { port, ports } = objectIn(text)
  if (port === undefined && ports === undefined) throw new Error('no port')
  const several: readonly unknown[] = Array.isArray(ports) ? ports : []
  const listed = [...new Set(several.filter(isPort))].slice(0, PORTS_MAX)
  return listed.length > 0 ? listed : [port].filter(isPort)
}

/** Reads the answer to `GET /v1/publicip/ip`: the public address (empty if there is none now) and its location. */
export function readPublicIp(text: string): Pick<ControlFact, 'publicIp' | 'country' | 'region' | 'city'> {
  const { public_ip: ip, country, region, city } = objectIn(text)
  if (typeof ip !== 'string' || (ip !== '' && isIP(ip) === 0)) throw new Error('no address')
  return { publicIp: ip, country: nameIn(country), region: nameIn(region), city: nameIn(city) }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error('no object')
  return { ...value }
}

const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535

const nameIn = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, NAME_MAX) : null
