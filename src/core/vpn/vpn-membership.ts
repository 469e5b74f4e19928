import type { Engine } from '../types.ts'
import { isContainerId } from './namespace.ts'

/** A configured VPN node, as a network that engines may be in. */
export interface NodeNetwork {
  readonly name: string
  /**
   * The last answer of Docker about the node's container: the container's id, or null if there was no container. `lookedAt`
   * is null until Docker was asked for the first time since our start.
   */
  readonly lookedAt: { readonly containerId: string | null } | null
}

/**
 * How an engine is outside the VPN. `own_network`: its traffic leaves through the host's own address. `other_network`: it
 * has joined a container that is none of our nodes, for example another VPN, or a node whose name is misspelt.
 */
export type Outside = 'own_network' | 'other_network'

/**
 * Whether and how an engine is outside the VPN; null if it is not, or if that is not known yet. Without nodes no engine is
 * outside, and neither is a row that is still in `provisioning`. The row alone tells whether an engine has its own network.
 * Whether it has joined a foreign network is only known after every node was looked at: before that, the network may be a
 * node's.
 */
export function outsideOf(
  engine: Pick<Engine, 'status' | 'vpnNode' | 'networkContainerId' | 'containerStartedAt'>,
  nodes: readonly NodeNetwork[],
): Outside | null {
  if (nodes.length === 0 || engine.status === 'provisioning') return null
  const { vpnNode, networkContainerId } = engine
  if (hasOwnNetwork(engine)) return 'own_network'
  const isOfNode = nodes.some(
    ({ name, lookedAt }) =>
      networkContainerId !== null &&
      (networkContainerId === name || networkContainerId === lookedAt?.containerId),
  )
  // An id that is not the node's belongs to an earlier container of the node; `namespaceOf` handles that case.
  const isAtNode =
    nodes.some(({ name }) => name === vpnNode) &&
    (networkContainerId === null || isContainerId(networkContainerId))
  if (isOfNode || isAtNode) return null
  return nodes.every(({ lookedAt }) => lookedAt !== null) ? 'other_network' : null
}

/**
 * After the first look the observation decides: a container without a network container has its own network. Before it, the
 * row says whether the container was made to join a node.
 */
const hasOwnNetwork = ({
  vpnNode,
  networkContainerId,
  containerStartedAt,
}: Pick<Engine, 'vpnNode' | 'networkContainerId' | 'containerStartedAt'>): boolean =>
  networkContainerId === null && (vpnNode === null || containerStartedAt !== null)
