import { isLoopback } from '../../config/loopback.ts'
import { apart, type OwnPlace } from '../../core/containers/own-place.ts'
import { isEverywhere } from '../../core/host-port.ts'
import { type Asked, fault, ok, type Row, skipped, unanswered, warning } from './row.ts'

export interface NetworkFacts {
  /** The network that engines join; null for Docker's default bridge. */
  readonly network: string | null
  /** Whether DOCKER_NETWORK=auto has found it. */
  readonly isAuto: boolean
  /** What Docker says about it; null for the default bridge. */
  readonly found: Asked<{
    readonly driver: string
    readonly isInternal: boolean
    readonly hasNames: boolean
  }> | null
  readonly self: Asked<OwnPlace>
  /** The Gluetun containers that are there. */
  readonly nodes: readonly { readonly name: string; readonly networks: readonly string[] }[]
  readonly isVpn: boolean
  readonly advertise: 'auto' | 'container' | 'host' | 'ip'
  readonly advertiseHost: string
  /** The address of the host that ports are published on; empty for all. */
  readonly publishAddress: string
  /** The Docker host, if it is another machine. */
  readonly remoteHost: string | null
}

/** Whether the network of the engines is there, and whether this process reaches them. */
export function networkRows(facts: NetworkFacts): readonly Row[] {
  const network = facts.isVpn ? null : networkRow(facts)
  return [...(network === null ? [] : [network]), reachRow(facts)]
}

function networkRow(facts: NetworkFacts): Row {
  const { network, isAuto, found, self } = facts
  if (isAuto && self.kind === 'answer' && self.value.kind === 'host')
    return warning(
      'network',
      "DOCKER_NETWORK=auto means the network of the server's own container, and this process runs in none of this Docker, or " +
        "in the host's network: engines join Docker's default bridge",
      'leave DOCKER_NETWORK out, or name a network of your own',
    )
  if (isAuto && self.kind !== 'answer') return unanswered('network', self)
  if (network === null || found === null) return ok('network', "engines join Docker's default bridge")
  if (found.kind === 'missing')
    return fault(
      'network',
      `DOCKER_NETWORK ${network} is not known to Docker`,
      `run: docker network create ${network}; or set DOCKER_NETWORK to one of "docker network ls"`,
    )
  if (found.kind !== 'answer') return unanswered('network', found)
  const { driver, isInternal, hasNames } = found.value
  if (isInternal)
    return fault(
      'network',
      `the network ${network} is internal: its engines reach no peers, and publish no ports`,
      `take a network that was made without --internal`,
    )
  if (!hasNames)
    return warning(
      'network',
      `${network} is no network of your own, so names of containers mean nothing in it`,
      'make one (docker network create), and set DOCKER_NETWORK to it',
    )
  return ok('network', `${network} is there (${driver})${isAuto ? ', and DOCKER_NETWORK=auto found it' : ''}`)
}

/** Whether this process will reach the engines. On the host it does so by published ports. */
function reachRow(facts: NetworkFacts): Row {
  const { self, network, nodes, isVpn } = facts
  if (self.kind !== 'answer') return unanswered('reach', self)
  if (self.value.kind === 'host')
    return ok('reach', 'this process runs on the host or has its network, and reaches engines by their ports')
  if (isVpn && nodes.length === 0) return skipped('reach', 'no Gluetun container is there')
  const reason = apart(self.value, { network, nodes: isVpn ? nodes : null })
  if (reason === null) {
    const where = isVpn
      ? 'in a network of every Gluetun container'
      : `in the network ${network ?? 'bridge'} of the engines`
    return ok('reach', `this process runs in the container ${self.value.name}, ${where}`)
  }
  const { advertiseHost, publishAddress } = facts
  if (!isLoopback(advertiseHost) && !isLoopback(publishAddress)) {
    const way = `it reaches them only by their ports at ADVERTISE_HOST (${advertiseHost}), if that is an address of the Docker host`
    return ok('reach', `${reason.message}: ${way}`)
  }
  const gateways = isVpn ? [] : self.value.gateways
  if (gateways.length === 0 || !isEverywhere(publishAddress))
    return fault('reach', reason.message, reason.remedy)
  const way = `it reaches them only by their ports at its gateway (${gateways.join(', ')}), if the firewall of the host lets it`
  return warning('reach', `${reason.message}: ${way}`, reason.remedy)
}

/** What proxies are told, and where they have to be for that. */
export function toldRow({
  advertise,
  advertiseHost,
  network,
  isVpn,
  nodes,
  remoteHost,
  self,
}: NetworkFacts): Row {
  const isNamed = advertise === 'container' || (advertise === 'auto' && (isVpn || network !== null))
  if (advertise === 'ip')
    return ok('proxies', 'proxies are told addresses of containers: they have to be on this host')
  if (isNamed) {
    const where = isVpn ? `a network of ${nodes.map(({ name }) => name).join(', ') || 'Gluetun'}` : network
    return ok(
      'proxies',
      `proxies are told names of containers: they have to be in ${where ?? 'the same network'}; ` +
        'for one on the host set ENGINE_ADVERTISE=host',
    )
  }
  const isOnHost = self.kind === 'answer' && self.value.kind === 'host'
  if (remoteHost !== null && isOnHost && isLocal(advertiseHost))
    return warning(
      'proxies',
      `engines run on ${remoteHost}, and proxies are told ${advertiseHost}`,
      `set ADVERTISE_HOST=${remoteHost}`,
    )
  const where = isLocal(advertiseHost) ? ', which is right for proxies on this host or with its network' : ''
  return ok('proxies', `proxies are told ${advertiseHost} and published ports${where}`)
}

const isLocal = (host: string): boolean => host === 'localhost' || host.startsWith('127.')
