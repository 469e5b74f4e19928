import { isLoopback } from '../host-port.ts'
import type { HostPort } from '../types.ts'

/** How many attempts must come to nothing in a row: one or two dead contents are common. */
export const ROW_MIN = 3

/** How proxies are told to reach an engine. */
export type Way = 'published' | 'address' | 'container' | 'vpn_container'

/** An attempt of a proxy that led to no stream, on an engine that answers us. */
export interface Fruitless {
  readonly engine: string
  readonly listed: HostPort
  readonly way: Way
  /** The networks of the engine's container. */
  readonly networks: readonly string[]
}

/**
 * The warning that proxies probably cannot reach the engines at the addresses that they are told; null if too few attempts
 * in a row came to nothing. Proxies do not say why an attempt failed, so that the contents may be the cause. Pure.
 */
export function unreachedWarning(
  row: readonly Fruitless[],
  advertiseHost: string,
): { readonly message: string; readonly remedy: string } | null {
  const last = row.at(-1)
  if (row.length < ROW_MIN || last === undefined) return null
  const recent = row.slice(-ROW_MIN)
  const names = [...new Set(recent.map(({ engine }) => engine))].join(', ')
  const { host, port } = last.listed
  return {
    message:
      `the last ${ROW_MIN} attempts of proxies led to no stream, though the engines (${names}) answer us: ` +
      `most likely proxies cannot reach what they are told, as ${host}:${port}`,
    remedy: `${remedyFor(last, advertiseHost)}. If only the contents were dead, this ends with the next stream`,
  }
}

function remedyFor({ way, listed: { host, port }, networks }: Fruitless, advertiseHost: string): string {
  const names = networks.join(' or ')
  const byHost = 'ENGINE_ADVERTISE=host and ADVERTISE_HOST to an address of this host'
  const from = `try http://${host}:${port}/webui/api/service?method=get_version where the proxy runs`
  switch (way) {
    case 'published':
      return isLoopback(host)
        ? `${from}: if it is another machine or a container, ${host} is itself; set ADVERTISE_HOST to an address of this host, ` +
            'or put a container into the network of the engines (DOCKER_NETWORK) without ENGINE_ADVERTISE'
        : `${from}: ADVERTISE_HOST (now ${advertiseHost}) must be this host for it, and a firewall must let the port pass`
    case 'address':
      return `${from}: it must be on this host or in the network of the engines (${names}); else set ${byHost}`
    case 'container':
      return `${from}: its container must be in ${names}, where the engines are (docker network connect); else set ${byHost}`
    case 'vpn_container':
      return `${from}: its container must be in a network of ${host}; else publish GLUETUN_PORT_RANGE there, and set ${byHost}`
    default:
      return way satisfies never
  }
}
