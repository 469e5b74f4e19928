import type { Engine } from '../types.ts'

/** Whether the port that is forwarded to its node now, as far as is known, is the engine's. */
export const carriesForwardedPort = (
  engine: { readonly forwarded: boolean; readonly p2pPort: number | null },
  node: { readonly forwardedPort: number | null; readonly isPortKnown: boolean } | null,
): boolean => engine.forwarded && (!node?.isPortKnown || node.forwardedPort === engine.p2pPort)

/**
 * The engines of a node (their ids) to be replaced so that one of them carries the port that is forwarded to it: the one that
 * carried an earlier one, else the oldest that is ready and not busy. Where one carries it already, the one whose place that
 * takes, until it is gone.
 */
export function renewedForPort(
  engines: readonly Pick<Engine, 'id' | 'status' | 'forwarded' | 'p2pPort' | 'replaces' | 'createdAt'>[],
  { forwardedPort }: { readonly forwardedPort: number | null },
  isBusy: (engineId: string) => boolean,
): readonly string[] {
  if (forwardedPort === null) return []
  const carrier = engines.find(({ p2pPort }) => p2pPort === forwardedPort)
  if (carrier !== undefined) return engines.flatMap(({ id }) => (id === carrier.replaces ? [id] : []))
  const stale = engines.filter(({ forwarded }) => forwarded)
  if (stale.length > 0) return stale.map(({ id }) => id)
  const idle = engines.filter(({ id, status }) => status === 'ready' && !isBusy(id))
  return idle
    .toSorted((a, b) => a.createdAt - b.createdAt)
    .slice(0, 1)
    .map(({ id }) => id)
}
