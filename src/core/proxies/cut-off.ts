import { namedNetworks } from '../containers/own-place.ts'
import { hostPort, isLoopback } from '../host-port.ts'
import type { Warning } from '../reporting/warnings.ts'
import type { HostPort } from '../types.ts'
import type { ProxyContainer } from './proxy-container.ts'
import type { Way } from './unreached.ts'

/** What proxies are told of one engine. */
export interface Told {
  readonly listed: HostPort
  readonly way: Way
  /** The networks of the container whose name or address is told; null if they are not known. */
  readonly networks: readonly string[] | null
  /** The container whose network the engine shares; null for a network of its own. */
  readonly vpnNode: string | null
}

/**
 * Why a proxy in this container cannot reach an engine, with the remedy; null if it may. Only what is sure is said: a
 * container with a network of its own is itself `localhost`, and knows neither names nor addresses of other networks. Pure.
 */
export function cutOff(
  proxy: ProxyContainer,
  told: readonly Told[],
  isHostAdvertised: boolean,
): Warning | null {
  const who = `a proxy runs in the container ${proxy.name} (${proxy.networks.join(', ')})`
  for (const each of told) {
    if (isItself(proxy, each))
      return {
        message: `${who} and is told ${hostPort(each.listed)}, which is that container itself there: it reaches no engine`,
        remedy: loopbackRemedy(proxy, each, isHostAdvertised),
      }
    if (isElsewhere(proxy, each))
      return {
        message: `${who} and is told ${hostPort(each.listed)}, ${whereabouts(each)}: it does not reach that`,
        remedy: networkRemedy(proxy, each),
      }
  }
  return null
}

function whereabouts({ way, networks }: Told): string {
  const all = networks ?? []
  const isNameless = way !== 'address' && namedNetworks(all).length === 0
  const where = all.join(', ') || 'no network'
  return isNameless
    ? `a name that means nothing to others (${where})`
    : `which is in another network (${where})`
}

/** The ports of a VPN container are at its localhost for whoever shares its network. */
const isItself = ({ name }: ProxyContainer, { listed, way, vpnNode }: Told): boolean =>
  way === 'published' && isLoopback(listed.host) && vpnNode !== name

function isElsewhere(proxy: ProxyContainer, { way, networks, vpnNode }: Told): boolean {
  if (way === 'published' || networks === null || vpnNode === proxy.name) return false
  const usable = way === 'address' ? networks : namedNetworks(networks)
  return !usable.some((network) => proxy.networks.includes(network))
}

function loopbackRemedy(proxy: ProxyContainer, told: Told, isHostAdvertised: boolean): string {
  const named = namedNetworks(told.networks ?? [])
  const isTogether = named.some((network) => proxy.networks.includes(network))
  const first = isHostAdvertised ? 'leave out ENGINE_ADVERTISE=host' : null
  const second = isTogether ? null : networkRemedy(proxy, told)
  const steps = [first, second].filter((step) => step !== null)
  const together = steps.length > 0 ? `${steps.join(', and ')}; or ` : ''
  return `${together}give ${proxy.name} the host's network (network_mode: host) and an ACEXY_ORCH_URL at a published port; or set ADVERTISE_HOST to an address of this host`
}

/** How the proxy and what it is told come into one network. */
function networkRemedy({ name, networks }: ProxyContainer, { way, networks: others, vpnNode }: Told): string {
  const [target] = way === 'address' ? (others ?? []) : namedNetworks(others ?? [])
  if (target !== undefined)
    return `run: docker network connect ${target} ${name} (or name it in the compose file)`
  const [own] = namedNetworks(networks)
  if (vpnNode !== null)
    return `put ${vpnNode} and ${name} into one network of your own (docker network connect)`
  return own === undefined
    ? `make a network (docker network create), put ${name} into it, and set DOCKER_NETWORK to its name`
    : `set DOCKER_NETWORK=${own}, so that new engines join it`
}
