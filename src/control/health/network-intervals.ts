import { type Engine, generationOf } from '../../core/types.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'

/** In doubt engines behind a VPN are asked for their connection that often, else with every probe, or more often. */
const IN_DOUBT_MS = 2_000
const LONGEST_MS = 10_000

interface Deps {
  readonly nodes: VpnNodes
  readonly connections: ConnectionFacts
  /** Time within which every engine is probed once. */
  readonly intervalMs: number
}

/**
 * How often each engine is to be asked whether it is connected to the outside, in milliseconds; null for never. Where one is
 * cut off it matters at once whether the others of its node are. One that boots has nothing to say yet: it is asked as soon as
 * it is ready.
 */
export function networkIntervals(
  engines: readonly Engine[],
  { nodes, connections, intervalMs }: Deps,
  nowMs: number,
): (engine: Engine) => number | null {
  const isCut = (engine: Engine): boolean =>
    connections.of(engine.id, generationOf(engine))?.isConnected === false
  const known = new Set(nodes.all().map(({ name }) => name))
  const inDoubt = new Set([...known].filter((name) => nodes.isDoubtful(name, nowMs)))
  for (const { vpnNode } of engines.filter(isCut)) if (vpnNode !== null) inDoubt.add(vpnNode)
  return ({ vpnNode, status }) => {
    if (vpnNode === null || status === 'starting' || !known.has(vpnNode)) return null
    return inDoubt.has(vpnNode) ? IN_DOUBT_MS : Math.min(intervalMs, LONGEST_MS)
  }
}
