import type { Warning } from '../reporting/warnings.ts'

/** Where this process runs, as the container engine knows it. */
export type OwnPlace =
  /** On the host itself, in a container with the network of the host, or in a container of another container engine. */
  | { readonly kind: 'host' }
  | {
      readonly kind: 'container'
      readonly name: string
      readonly networks: readonly string[]
      /** The network through which it reaches the outside; null if that is not known. */
      readonly wayOut: string | null
      /** The addresses of the gateways of its networks, where the host itself listens if they are bridges of its own. */
      readonly gateways: readonly string[]
    }

/** Where engines go. */
export interface EnginePlace {
  /** The network that engines without a VPN join; null for Docker's default bridge. */
  readonly network: string | null
  /** The VPN nodes that are there; null without a VPN. */
  readonly nodes: readonly { readonly name: string; readonly networks: readonly string[] }[] | null
}

/** Docker's own networks. Names of containers mean nothing there. */
const DOCKERS_OWN: ReadonlySet<string> = new Set(['bridge', 'host', 'none', 'default', 'podman'])

/** Those of the networks in which containers find each other by their names. */
export const namedNetworks = (networks: readonly string[]): readonly string[] =>
  networks.filter((network) => !DOCKERS_OWN.has(network)).toSorted()

/**
 * The user-defined network of our own that engines can join: the one through which we reach the outside, because an internal
 * network leads engines to no peers; otherwise the first by name. Null if there is none.
 */
export function ownNetwork(self: OwnPlace): string | null {
  if (self.kind === 'host') return null
  const own = namedNetworks(self.networks)
  return own.find((network) => network === self.wayOut) ?? own[0] ?? null
}

/** Whether we are in a container that is in none of these networks; false if no network is known. */
export const isApartFrom = (self: OwnPlace, networks: readonly string[]): boolean =>
  self.kind === 'container' &&
  networks.length > 0 &&
  !networks.some((network) => self.networks.includes(network))

/** Why we reach no engine, with the remedy; null if we share a network with all of them, or have that of the host. */
export function apart(self: OwnPlace, engines: EnginePlace): Warning | null {
  if (self.kind === 'host') return null
  const { name, networks } = self
  const me = `Roundhouse runs in the container ${name} (${networks.join(', ') || 'no network'})`
  if (engines.nodes !== null) return apartFromNodes(self, engines.nodes, me)
  const needed = engines.network ?? 'bridge'
  if (networks.includes(needed)) return null
  const which = engines.network ?? "Docker's default bridge"
  return {
    message: `${me}, which shares no network with engines (${which})`,
    remedy: joinRemedy(self, engines),
  }
}

function apartFromNodes(
  { name, networks }: Extract<OwnPlace, { readonly kind: 'container' }>,
  nodes: NonNullable<EnginePlace['nodes']>,
  me: string,
): Warning | null {
  const others = nodes.filter((node) => !node.networks.some((each) => networks.includes(each)))
  if (others.length === 0) return null
  const names = others.map((node) => node.name).join(', ')
  return {
    message: `${me}, which shares no network with ${names}`,
    remedy: `put ${name} into a network of ${names}: docker network connect`,
  }
}

function joinRemedy(
  self: Extract<OwnPlace, { readonly kind: 'container' }>,
  { network }: EnginePlace,
): string {
  if (network !== null)
    return `run: docker network connect ${network} ${self.name}; or name it in the compose file`
  const own = ownNetwork(self)
  return own === null
    ? `make a network (docker network create), put ${self.name} into it, and set DOCKER_NETWORK to its name`
    : `set DOCKER_NETWORK=${own}, or DOCKER_NETWORK=auto, so that engines join it`
}
