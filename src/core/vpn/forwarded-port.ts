import type { Engine } from '../types.ts'

/** Whether the engine's peer-to-peer port is the port that is forwarded to its node now, as far as that is known. */
export const carriesForwardedPort = (
  engine: { readonly forwarded: boolean; readonly p2pPort: number | null },
  node: { readonly forwardedPort: number | null; readonly isPortKnown: boolean } | null,
): boolean => engine.forwarded && (!node?.isPortKnown || node.forwardedPort === engine.p2pPort)

/**
 * The ids of the engines of a node that have to be replaced so that an engine carries the port that is forwarded to the
 * node. These are the engines that carried an earlier forwarded port and, if all of these are busy, the oldest one that is
 * ready and not busy. If an engine already carries the port, it is the engine that it replaces, as long as that still exists.
 * None, while an engine uses the port for something else: no other could have it.
 */
export function renewedForPort(
  engines: readonly Candidate[],
  { forwardedPort }: { readonly forwardedPort: number | null },
  isBusy: (engineId: string) => boolean,
): readonly string[] {
  if (forwardedPort === null) return []
  const carrier = engines.find(({ p2pPort }) => p2pPort === forwardedPort)
  if (carrier !== undefined) return engines.flatMap(({ id }) => (id === carrier.replaces ? [id] : []))
  if (engines.some((engine) => usesOtherwise(engine, forwardedPort))) return []
  const stale = engines.filter(({ forwarded }) => forwarded)
  // An adopted engine may count as busy for hours.
  const idle = stale.every(({ id }) => isBusy(id))
    ? engines.filter(({ id, status }) => status === 'ready' && !isBusy(id))
    : []
  const oldest = idle.toSorted((a, b) => a.createdAt - b.createdAt).slice(0, 1)
  return [...stale, ...oldest].map(({ id }) => id)
}

type Candidate = Pick<
  Engine,
  'id' | 'status' | 'forwarded' | 'httpPort' | 'httpsPort' | 'apiPort' | 'p2pPort' | 'replaces' | 'createdAt'
>

/** A provider may forward a port that is in the range of the HTTP ports. */
const usesOtherwise = ({ httpPort, httpsPort, apiPort }: Candidate, port: number): boolean =>
  httpPort === port || httpsPort === port || apiPort === port
