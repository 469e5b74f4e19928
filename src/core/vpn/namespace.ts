import type { NodeContainer } from './node-signs.ts'

/** The state of the network that an engine behind a node has joined. */
export type Namespace = 'alive' | 'dead' | 'foreign'

/**
 * Whether an engine's network works. `dead`: the node was started again after the engine was. `foreign`: the network belongs
 * to an earlier container with the node's name. In both cases the engine's container still appears as running (measured).
 * What is not known counts as alive.
 */
export function namespaceOf(
  engine: { readonly networkContainerId: string | null; readonly containerStartedAt: number | null },
  node: Pick<NodeContainer, 'id' | 'startedAtMs'> | null,
): Namespace {
  if (node === null) return 'alive'
  const { networkContainerId, containerStartedAt } = engine
  if (networkContainerId !== null && isContainerId(networkContainerId) && networkContainerId !== node.id)
    return 'foreign'
  const isOlder =
    containerStartedAt !== null && node.startedAtMs !== null && containerStartedAt < node.startedAtMs
  return isOlder ? 'dead' : 'alive'
}

/** Whether the text is a full container id. An engine that was created before its node has the node's name instead. */
export const isContainerId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)
