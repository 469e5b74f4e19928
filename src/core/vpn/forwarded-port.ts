import type { Engine } from '../types.ts'

/** The ports that are forwarded to a node. */
export interface ForwardedPorts {
  /** All that are forwarded now. */
  readonly forwardedPorts: readonly number[]
  /** Those of them for which an engine may be renewed; see `steadyPorts`. */
  readonly steadyPorts: readonly number[]
}

/** Whether the engine's peer-to-peer port is one that is forwarded to its node now, as far as that is known. */
export const carriesForwardedPort = (
  engine: { readonly forwarded: boolean; readonly p2pPort: number | null },
  node: { readonly forwardedPorts: readonly number[]; readonly isPortKnown: boolean } | null,
): boolean => engine.forwarded && (!node?.isPortKnown || node.forwardedPorts.includes(engine.p2pPort ?? 0))

/** In this time at most as many engines of a node are renewed as ports are forwarded to it. */
const RENEWALS_WITHIN_MS = 600_000

/**
 * The ids of the engines of a node that have to be replaced so that each port that is forwarded to the node, and has stood
 * still, has an engine that carries it: first engines that carried an earlier forwarded port, then the oldest ones that are
 * ready. Busy engines are left alone, and so is a port that an engine uses for something else: no other could have it. An
 * engine whose replacement was made for a forwarded port is named as long as it exists, even if the port changed meanwhile.
 */
export function renewedForPorts(
  engines: readonly Candidate[],
  { forwardedPorts, steadyPorts }: ForwardedPorts,
  isBusy: (engineId: string) => boolean,
  nowMs: number,
): readonly string[] {
  const replacements = engines.filter(
    (each) => each.replaces !== null && (each.forwarded || carriesOneOf(each, forwardedPorts)),
  )
  const replaced = new Set(replacements.map(({ replaces }) => replaces))
  const begun = engines.filter(({ id }) => replaced.has(id)).map(({ id }) => id)
  // Whatever a replacement was made for: one may have come without the port, because that had just changed, or flapped.
  const lately = engines.filter(
    (each) => each.replaces !== null && nowMs - each.createdAt < RENEWALS_WITHIN_MS,
  ).length
  const free = steadyPorts.filter((port) => !engines.some((each) => usesPort(each, port)))
  const due = Math.min(free.length, forwardedPorts.length - lately)
  if (due <= 0) return begun
  const others = engines.filter((each) => !replaced.has(each.id) && !carriesOneOf(each, forwardedPorts))
  // An adopted engine may count as busy for hours.
  const renewable = others
    .filter(
      ({ id, status, forwarded }) =>
        !isBusy(id) && (status === 'ready' || (forwarded && status !== 'draining')),
    )
    .toSorted((a, b) => Number(b.forwarded) - Number(a.forwarded) || a.createdAt - b.createdAt)
  return [...begun, ...renewable.slice(0, due).map(({ id }) => id)]
}

type Candidate = Pick<
  Engine,
  'id' | 'status' | 'forwarded' | 'httpPort' | 'httpsPort' | 'apiPort' | 'p2pPort' | 'replaces' | 'createdAt'
>

const carriesOneOf = ({ p2pPort }: Candidate, ports: readonly number[]): boolean =>
  ports.some((port) => port === p2pPort)

/** A forwarded port that no engine can carry, with who has it: an engine, by an interface of its own, or the node itself. */
export interface PortInUse {
  readonly port: number
  readonly by: { readonly engineName: string; readonly interfaceName: 'HTTP' | 'HTTPS' | 'API' } | null
}

/** The ports that are forwarded to a node and that something else has there: the node at `ownPorts`, or one of its engines. */
export const portsInUse = (
  node: { readonly forwardedPorts: readonly number[]; readonly ownPorts: readonly number[] },
  engines: readonly (Pick<Engine, 'name'> & Candidate)[],
): readonly PortInUse[] =>
  node.forwardedPorts.flatMap((port): PortInUse[] => {
    if (node.ownPorts.includes(port)) return [{ port, by: null }]
    const user = engines.find((each) => usesPort(each, port) && each.p2pPort !== port)
    if (user === undefined) return []
    const { name: engineName, httpPort, httpsPort } = user
    const interfaceName = port === httpPort ? 'HTTP' : port === httpsPort ? 'HTTPS' : 'API'
    return [{ port, by: { engineName, interfaceName } }]
  })

/** Whether an engine carries the port, or uses it otherwise: a provider may forward one in the range of the HTTP ports. */
const usesPort = ({ httpPort, httpsPort, apiPort, p2pPort }: Candidate, port: number): boolean =>
  [httpPort, httpsPort, apiPort, p2pPort].includes(port)
