import { hostInUrl } from '../host-port.ts'
import { type Engine, type HostPort, isLive } from '../types.ts'

/** Where a stream runs, as the proxy reports it. */
export interface StreamPlace {
  readonly statUrl: string
  readonly host: string
  readonly port: number
  /**
   * Every known acexy reports its own container here. It is an engine's container only by chance, or from another client.
   */
  readonly containerId: string | null
}

/**
 * Finds the engine that serves a stream, or null: an event never creates an engine. The order is: the address in `stat_url`
 * (the engine that really streams, if several viewers share a session); the address that the proxy chose; the port alone
 * among our published ports (acexy says `localhost`); the container id, if it is an engine's.
 *
 * `addressesOf` gives every address by which an engine may be known.
 */
export function matchEngine(
  place: StreamPlace,
  engines: readonly Engine[],
  addressesOf: (engine: Engine) => readonly HostPort[],
): Engine | null {
  const running = engines.filter((engine) => isLive(engine) && engine.status !== 'provisioning')
  const places = placesOf(place)
  for (const at of places) {
    const found = running.find((engine) => addressesOf(engine).some((known) => sameAddress(known, at)))
    if (found) return found
  }
  for (const at of places) {
    const byPort = running.filter((engine) => engine.hostHttpPort === at.port)
    if (byPort.length === 1) return byPort[0] ?? null
  }
  const { containerId } = place
  return running.find((engine) => containerId !== null && engine.containerId === containerId) ?? null
}

/** An engine without any of these ports is not the engine, unless the stream names its container. */
export const portsOf = (place: StreamPlace): number[] => placesOf(place).map(({ port }) => port)

const placesOf = ({ statUrl, host, port }: StreamPlace): readonly HostPort[] =>
  [statAddress(statUrl), { host, port }].filter((at) => at !== null)

function statAddress(statUrl: string): HostPort | null {
  const url = URL.parse(statUrl)
  // A URL leaves out the default port of its scheme; engines use plain HTTP.
  return url === null ? null : { host: url.hostname, port: Number(url.port || 80) }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** An IPv6 address has many spellings; a URL knows the one of all. */
function canonical(given: string): string {
  const host = hostInUrl(given.toLowerCase())
  if (LOOPBACK.has(host)) return 'loopback'
  return host.startsWith('[') ? (URL.parse(`http://${host}`)?.hostname ?? host) : host
}
const sameAddress = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && canonical(a.host) === canonical(b.host)
