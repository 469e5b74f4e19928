import { namedNetworks, type OwnPlace } from '../containers/own-place.ts'
import { isLoopback } from '../host-port.ts'
import type { Warning } from '../reporting/warnings.ts'
import type { ProxyContainer } from './proxy-container.ts'

/** Where this server is reached. */
export interface Reachable {
  /** Null while it is not known. */
  readonly self: OwnPlace | null
  readonly bind: string
  readonly port: number
}

/** The warning that no proxy asks: since this time (epoch milliseconds), or since the start. Pure. */
export function silenceWarning(lastHeardMs: number | null, reachable: Reachable): Warning {
  return {
    message:
      lastHeardMs === null
        ? 'no proxy has asked for an engine or the status since the start, so no viewer gets one of these engines'
        : `no proxy has asked since ${new Date(lastHeardMs).toISOString()}, though acexy asks every 30 s`,
    remedy: addressRemedy(reachable),
  }
}

const ITSELF = 'in a container localhost is acexy itself'

function addressRemedy({ self, bind, port }: Reachable): string {
  const set = 'set ACEXY_ORCH_URL of acexy to http://'
  if (self?.kind !== 'container')
    return (
      `${set}localhost:${port} if acexy runs on this host or with its network (network_mode: host); elsewhere to an address ` +
      `of this host: ${ITSELF}`
    )
  if (isLoopback(bind))
    return `set API_KEY and leave BIND out: at ${bind} nobody outside the container ${self.name} reaches this server`
  const named = namedNetworks(self.networks)
  if (named.length === 0)
    return (
      `put acexy and ${self.name} into one network of your own, and ${set}${self.name}:${port}; ` +
      `or publish the port, and set it to an address of this host: ${ITSELF}`
    )
  return `${set}${self.name}:${port} in a container in ${named.join(' or ')} (${ITSELF}); elsewhere to where port ${port} is published`
}

/**
 * The warning that the first viewer of each new engine is lost: after a provision acexy goes to `localhost` and the host port
 * of the new engine, which in a container with a network of its own is that container. Null without such a proxy. Pure.
 */
export function newEngineWarning(
  proxies: readonly ProxyContainer[],
  { nodes, keepsFree }: { readonly nodes: readonly string[]; readonly keepsFree: boolean },
): Warning | null {
  // Whoever shares the network of a VPN container finds its ports at localhost.
  const proxy = keepsFree ? undefined : proxies.find(({ name }) => !nodes.includes(name))
  if (proxy === undefined) return null
  return {
    message:
      `a proxy runs in the container ${proxy.name} (${proxy.networks.join(', ')}) and MIN_FREE_REPLICAS is 0: acexy looks for ` +
      'each new engine at localhost, which is that container itself there, and its first viewer gets a 500',
    remedy: `set MIN_FREE_REPLICAS=1; or give ${proxy.name} the host's network (network_mode: host), which needs ENGINE_ADVERTISE=host and an ACEXY_ORCH_URL at localhost or the host`,
  }
}
