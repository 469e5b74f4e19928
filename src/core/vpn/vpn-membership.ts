import type { Engine } from '../types.ts'
import { isContainerId } from './namespace.ts'

/** A configured VPN node as a network that engines may be in. */
export interface NodeNetwork {
  readonly name: string
  /**
   * What was found when Docker was last asked for its container: the container's id, or null where there was none. Null as a
   * whole while nobody has asked since our start.
   */
  readonly lookedAt: { readonly containerId: string | null } | null
}

/**
 * How an engine is outside the VPN. `own_network`: whatever leaves it leaves by the host's own address. `other_network`: it has
 * joined another container, which is no node of ours; that may be another VPN, or a node whose name is misspelt.
 */
export type Outside = 'own_network' | 'other_network'

/**
 * Whether and how an engine is outside the VPN; null for one that is not, or of which that can't be said yet. Without nodes
 * nobody is outside, and neither is a row whose container is only being made. That an engine has a network of its own is known
 * from its row alone; whose network it has joined only when every node was looked at, since until then it may be a node's.
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
  // An id that is not its node's is that of an earlier container of the node, which `namespaceOf` judges.
  const isAtNode =
    nodes.some(({ name }) => name === vpnNode) &&
    (networkContainerId === null || isContainerId(networkContainerId))
  if (isOfNode || isAtNode) return null
  return nodes.every(({ lookedAt }) => lookedAt !== null) ? 'other_network' : null
}

/** A container that was looked at has joined none; before the first look the row says whether it was made to join one. */
const hasOwnNetwork = ({
  vpnNode,
  networkContainerId,
  containerStartedAt,
}: Pick<Engine, 'vpnNode' | 'networkContainerId' | 'containerStartedAt'>): boolean =>
  networkContainerId === null && (vpnNode === null || containerStartedAt !== null)
