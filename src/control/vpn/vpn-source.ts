import type { ControlSight, NodeContainer } from '../../core/vpn/node-signs.ts'

/**
 * What a look at a node's container found. `isMissing`: Docker has none of that name. `error`: why Docker could not be
 * asked.
 */
export interface VpnContainerFact {
  readonly node: string
  readonly atMs: number
  readonly container: NodeContainer | null
  readonly isMissing: boolean
  readonly error: string | null
}

/** What a node's control server said in one round. */
export interface VpnControlFact extends ControlSight {
  readonly node: string
}

/** Receives what a source reports. */
export interface VpnHandlers {
  readonly onContainer: (fact: VpnContainerFact) => void
  readonly onControl: (fact: VpnControlFact) => void
  readonly onLost: () => void
}

/** The source of facts about nodes: the VPN worker, or a simulated one. */
export interface VpnSource {
  start(handlers: VpnHandlers): void
  stop(): Promise<void>
}
