import type { HostPort } from '../types.ts'

/** How many attempts must come to nothing in a row: one or two dead contents are common. */
export const ROW_MIN = 3

/** How proxies are told to reach an engine. */
type Way = 'published' | 'address' | 'container' | 'vpn_container'

/** An attempt of a proxy that led to no stream, on an engine that answers us. */
export interface Fruitless {
  readonly engine: string
  readonly listed: HostPort
  readonly way: Way
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

function remedyFor({ way, listed: { host, port } }: Fruitless, advertiseHost: string): string {
  const from = `try http://${host}:${port}/webui/api/service?method=get_version where the proxy runs`
  switch (way) {
    case 'published':
      return isLoopback(host)
        ? `${from}: if it is another machine or a container, ${host} is itself; set ADVERTISE_HOST to an address of this host`
        : `${from}: ADVERTISE_HOST (now ${advertiseHost}) must be this host for it, and a firewall must let the port pass`
    case 'address':
      return `${from}: it must be on this host or in the network of the engines; else set ENGINE_ADVERTISE=host`
    case 'container':
      return `${from}: its container must be in the network of the engines (DOCKER_NETWORK); else set ENGINE_ADVERTISE=host`
    case 'vpn_container':
      return `${from}: its container must be in a network of ${host}; else publish GLUETUN_PORT_RANGE there and set ENGINE_ADVERTISE=host`
    default:
      return way satisfies never
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.')
