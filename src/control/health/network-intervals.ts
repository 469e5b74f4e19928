import { type Engine, generationOf } from '../../core/types.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { Facts } from '../facts/facts.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'

/**
 * How often engines behind a doubtful node are asked for their connection. Other engines behind a node are asked with every
 * probe, but at least every `LONGEST_MS`.
 */
const IN_DOUBT_MS = 2_000
const LONGEST_MS = 10_000

interface Deps {
  readonly facts: Pick<Facts, 'health'>
  readonly nodes: VpnNodes
  readonly connections: ConnectionFacts
  /** The time within which every engine is probed once. */
  readonly intervalMs: number
}

/**
 * Returns how often each engine is asked whether it is connected to the internet, in milliseconds; null for never. If one
 * engine is cut off, the other engines of its node are asked more often, because it matters at once whether they are cut
 * off, too. An engine without a VPN is asked once per interval of the probes, as long as it may be used. An engine that boots
 * has nothing to say yet, and an unhealthy one gives no answer. Each question to it would only hold a connection, which looks
 * like that of a viewer.
 */
export function networkIntervals(
  engines: readonly Engine[],
  { facts, nodes, connections, intervalMs }: Deps,
  nowMs: number,
): (engine: Engine) => number | null {
  const isCut = (engine: Engine): boolean =>
    connections.of(engine.id, generationOf(engine))?.isConnected === false
  const known = new Set(nodes.all().map(({ name }) => name))
  const inDoubt = new Set([...known].filter((name) => nodes.isDoubtful(name, nowMs)))
  for (const { vpnNode } of engines.filter(isCut)) if (vpnNode !== null) inDoubt.add(vpnNode)
  return ({ id, vpnNode, status }) => {
    if (status === 'starting' || facts.health(id, nowMs).verdict === 'unhealthy') return null
    if (vpnNode === null || !known.has(vpnNode)) return status === 'ready' ? intervalMs : null
    return inDoubt.has(vpnNode) ? IN_DOUBT_MS : Math.min(intervalMs, LONGEST_MS)
  }
}
