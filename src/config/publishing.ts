/** Where the ports of engines are published on the Docker host, as the settings say it. */
import { isLoopback } from './loopback.ts'
import type { Config } from './settings.ts'

/** The host at which published ports are reached: that of the Docker Engine. */
export const publishedHost = (dockerHost: string | null): string =>
  (dockerHost?.startsWith('tcp://') && URL.parse(dockerHost)?.hostname) || '127.0.0.1'

/**
 * The address at which the ports of engines are published; empty for all. Without PUBLISH_ADDRESS it is the loopback address
 * that proxies are told, where they are told one: whoever is not on the Docker host has no use for another. Docker on another
 * machine is no such case, because this process itself reaches engines there by their published ports. Behind a VPN engines
 * publish nothing.
 */
export function publishAddressOf(config: Config): string {
  if (config.GLUETUN_CONTAINER_NAME.length > 0) return ''
  const { PUBLISH_ADDRESS: chosen, ADVERTISE_HOST: told, DOCKER_HOST: dockerHost } = config
  if (chosen !== null) return chosen
  const isTold = tellsPublished(config) && isLoopback(told)
  if (!isTold || !isLoopback(publishedHost(dockerHost))) return ''
  return told.toLowerCase() === 'localhost' ? '127.0.0.1' : told
}

/**
 * Whether proxies are told published ports. Which network `auto` finds is not known here; where it is one of our own, proxies
 * are told names, and nobody needs the published ports.
 */
export function tellsPublished({ ENGINE_ADVERTISE: advertise, DOCKER_NETWORK: network }: Config): boolean {
  const isNameless = network === null || network === 'bridge' || network === 'auto'
  return advertise === 'host' || (advertise === 'auto' && isNameless)
}

/** The note that is logged at a start if engines are published on all addresses by default; null if they are not. */
export function openPortsNote(config: Config): string | null {
  const isBehindVpn = config.GLUETUN_CONTAINER_NAME.length > 0
  if (isBehindVpn || config.PUBLISH_ADDRESS !== null || publishAddressOf(config) !== '') return null
  const who = tellsPublished(config)
    ? 'to the address of this Docker host at which proxies reach engines'
    : 'to 127.0.0.1, since proxies are told no published port'
  return (
    'new engines publish their ports on all addresses of the Docker host, past a firewall such as ufw, and whoever reaches ' +
    `them can play there: set PUBLISH_ADDRESS ${who}, or to 0.0.0.0 if that is meant`
  )
}
