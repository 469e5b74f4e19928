import { type Asked, fault, ok, type Row, skipped, unanswered, warning } from './row.ts'

/** Where this process runs, as Docker knows it. */
export type Self =
  /** On the host itself, or in a container with the network of the host. */
  | { readonly kind: 'host' }
  | { readonly kind: 'container'; readonly name: string; readonly networks: readonly string[] }

export interface NetworkFacts {
  /** DOCKER_NETWORK; null for Docker's default bridge. */
  readonly network: string | null
  /** What Docker says about it; null if it is not set. */
  readonly found: Asked<{
    readonly driver: string
    readonly isInternal: boolean
    readonly hasNames: boolean
  }> | null
  readonly self: Asked<Self>
  /** The Gluetun containers that are there. */
  readonly nodes: readonly { readonly name: string; readonly networks: readonly string[] }[]
  readonly isVpn: boolean
  readonly advertise: 'auto' | 'container' | 'host' | 'ip'
  readonly advertiseHost: string
  /** The Docker host, if it is another machine. */
  readonly remoteHost: string | null
}

/** Whether the network of the engines is there, and who reaches engines: this process, and the proxies. */
export function networkRows(facts: NetworkFacts): readonly Row[] {
  const network = facts.isVpn ? null : networkRow(facts)
  return [...(network === null ? [] : [network]), reachRow(facts), proxiesRow(facts)]
}

function networkRow({ network, found }: NetworkFacts): Row {
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
  return ok('network', `${network} is there (${driver})`)
}

/** Whether this process will reach the engines. On the host it does so by published ports. */
function reachRow(facts: NetworkFacts): Row {
  const { self, network, nodes, isVpn } = facts
  if (self.kind !== 'answer') return unanswered('reach', self)
  if (self.value.kind === 'host')
    return ok('reach', 'this process runs on the host or has its network, and reaches engines by their ports')
  const { name, networks } = self.value
  if (isVpn) return behindNodes(name, networks, nodes)
  const needed = network ?? 'bridge'
  if (networks.includes(needed))
    return ok('reach', `this process runs in the container ${name}, in the network ${needed} of the engines`)
  const where = networks.length === 0 ? 'no network' : networks.join(', ')
  const [own = '<network>'] = networks.filter((each) => each !== 'none')
  const remedy =
    network === null
      ? `set DOCKER_NETWORK=${own}${own === '<network>' ? `, a network of your own, and put ${name} into it` : ''}`
      : `run: docker network connect ${network} ${name}; or name it in the compose file`
  return fault(
    'reach',
    `this process runs in the container ${name} (${where}), which shares no network with engines (${needed})`,
    remedy,
  )
}

function behindNodes(name: string, networks: readonly string[], nodes: NetworkFacts['nodes']): Row {
  if (nodes.length === 0) return skipped('reach', 'no Gluetun container is there')
  const apart = nodes.filter((node) => !node.networks.some((each) => networks.includes(each)))
  if (apart.length === 0)
    return ok('reach', `this process runs in the container ${name}, in a network of every Gluetun container`)
  const names = apart.map((node) => node.name).join(', ')
  return fault(
    'reach',
    `this process runs in the container ${name}, which shares no network with ${names}: it reaches no engine there`,
    `put ${name} into a network of ${names}: docker network connect`,
  )
}

/** What proxies are told, and where they have to be for that. */
function proxiesRow({
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
