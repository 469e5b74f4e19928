import type { NodeContainer } from './vpn.ts'

/** How the network is that an engine behind a node has joined. */
export type Namespace = 'alive' | 'dead' | 'foreign'

/**
 * Whether an engine's network works: `dead` after any start of the node since its own, `foreign` when it belongs to an
 * earlier container of that name; both look as if they ran (gluetun-acestream.md 1.6, measured). What is not known counts
 * as alive.
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

/** Whether it is an id in full: an engine that was created before its node has the name in place of it. */
export const isContainerId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)
