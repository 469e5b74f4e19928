import type { Gluetun } from './gluetun.ts'
import { decodeJson } from './go-json.ts'
import { type ControlRequest, emptyReply, errorReply, jsonReply, type Reply, redirect } from './reply.ts'

/** Answers one route. Null means that the process ends without an answer. */
export type Handler = (gluetun: Gluetun, request: ControlRequest) => Reply | null | Promise<Reply | null>

const statusJson = (status: string): Reply => jsonReply(JSON.stringify({ status }))

/** `GET /v1/vpn/status`: the status of the loop, which says nothing about the tunnel. */
export const getVpnStatus: Handler = (gluetun) => statusJson(gluetun.status)

/** `PUT /v1/vpn/status`: answers when the change is complete. */
export const putVpnStatus: Handler = (gluetun, request) =>
  applyStatus(request, (wanted) => gluetun.apply(wanted))

/** `GET /v1/openvpn/status`, while the VPN is WireGuard. */
export const getOpenvpnStatus: Handler = (gluetun) =>
  statusJson(gluetun.settings.dialect.openvpnStatus === 'stopped' ? 'stopped' : gluetun.status)

/** `PUT /v1/openvpn/status`: stops WireGuard as well. A start makes all versions after v3.38 panic (recorded). */
export const putOpenvpnStatus: Handler = (gluetun, request) =>
  applyStatus(request, async (wanted) => {
    if (wanted === 'stopped' || gluetun.settings.dialect.openvpnStatus === 'of the loop') {
      return await gluetun.apply(wanted)
    }
    gluetun.host.exit(2)
    return null
  })

/** `GET /v1/openvpn/portforwarded`: the ports, or since v3.41 a redirect to them. */
export const getPortforwarded: Handler = (gluetun) =>
  gluetun.settings.dialect.hasPortforward ? redirect(301, '/v1/portforward') : jsonReply(portsJson(gluetun))

/** `GET /v1/portforward` */
export const getPortforward: Handler = (gluetun) => jsonReply(portsJson(gluetun))

/** `PUT /v1/portforward`, which only master has. A body without ports clears them. */
export const putPortforward: Handler = async (gluetun, request) => {
  const ports = portsOf(decodeJson(await request.body()))
  if (ports === null) return errorReply(400, 'failed setting forwarded ports')
  return gluetun.setPorts(ports) ? emptyReply : errorReply(500, 'failed setting forwarded ports')
}

/** `GET /v1/publicip/ip` */
export const getPublicIp: Handler = ({ publicIp }) =>
  jsonReply(JSON.stringify({ public_ip: publicIp, ...(publicIp === '' ? {} : PLACE) }))

/** `GET /v1/version` */
export const getVersion: Handler = ({ settings }) => {
  const { version, commit } = settings.dialect
  return jsonReply(JSON.stringify({ version, commit, created: '2026-01-01T00:00:00Z' }))
}

/** `GET /v1/dns/status` */
export const getDnsStatus: Handler = ({ settings }) => statusJson(settings.dialect.dnsStatus)

/** `GET /v1/updater/status` */
export const getUpdaterStatus: Handler = () => statusJson('stopped')

/** The settings routes. Only the status of their answers is recorded. */
export const getSettings: Handler = () => jsonReply('{"type":"wireguard","provider":{"name":"custom"}}')

/** Answers what the real one can do and this emulator can't. */
export const notEmulated: Handler = (_, { method, target }) =>
  errorReply(501, `${method} ${target} is not emulated`)

const PLACE = {
  region: 'Region',
  country: 'Exampleland',
  city: 'Townsville',
  hostname: 'exit.example',
  location: '1.500000,2.500000',
  organization: 'Example Org',
  postal_code: '12345',
  timezone: 'Europe/Example',
}

type Apply = (wanted: 'running' | 'stopped') => Promise<string | null>

async function applyStatus(request: ControlRequest, apply: Apply): Promise<Reply | null> {
  const decoded = decodeJson(await request.body())
  if ('error' in decoded) return errorReply(400, decoded.error)
  const status = field(decoded.value, 'status') ?? ''
  if (status !== 'running' && status !== 'stopped') {
    return errorReply(400, `invalid status: ${status}: possible values are: stopped, running`)
  }
  const outcome = await apply(status)
  return outcome === null ? null : jsonReply(JSON.stringify({ outcome }))
}

/** Before v3.41.2, several ports came without `port` (from the code of the real one, not recorded). */
function portsJson({ ports, settings }: Gluetun): string {
  const port = ports?.[0] ?? 0
  if (settings.dialect.portBody === 'both') return JSON.stringify({ port, ports })
  return JSON.stringify(ports !== null && ports.length > 1 ? { ports } : { port })
}

function portsOf(decoded: ReturnType<typeof decodeJson>): readonly number[] | null {
  if ('error' in decoded || Array.isArray(decoded.value)) return null
  const ports = field(decoded.value, 'ports') ?? []
  const isPort = (port: unknown): port is number =>
    Number.isInteger(port) && Number(port) >= 0 && Number(port) < 65_536
  return Array.isArray(ports) && ports.every(isPort) ? ports : null
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
