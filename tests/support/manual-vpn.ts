import type { VpnContainerFact, VpnControlFact, VpnSource } from '../../src/control/vpn/vpn-source.ts'
import type { NodeContainer } from '../../src/core/vpn/node-signs.ts'

type Handlers = Parameters<VpnSource['start']>[0]

/** A source of facts about VPN nodes that a test reports by hand. */
export class ManualVpn implements VpnSource {
  #handlers: Handlers | null = null

  start(handlers: Handlers): void {
    this.#handlers = handlers
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  /** Reports that Docker described the node's container. */
  container(node: string, container: NodeContainer | null, atMs: number): void {
    this.tellContainer({ node, atMs, container, isMissing: container === null, error: null })
  }

  tellContainer(fact: VpnContainerFact): void {
    this.#handlers?.onContainer(fact)
  }

  /** Reports an answer of the control server. Missing members are those of a healthy node. */
  control(node: string, atMs: number, change: Partial<VpnControlFact> = {}): void {
    const place = { publicIp: '203.0.113.7', country: 'Exampleland', region: 'Region', city: 'Townsville' }
    this.#handlers?.onControl({
      ...{ node, atMs, status: 'running', forwardedPorts: [], problem: null },
      ...place,
      ...change,
    })
  }

  lose(): void {
    this.#handlers?.onLost()
  }
}

/** A node's container that runs and is healthy. A test names only the members that it is about. */
export function nodeContainer(change: Partial<NodeContainer> = {}): NodeContainer {
  return {
    id: 'a'.repeat(64),
    state: 'running',
    health: 'healthy',
    healthText: null,
    startedAtMs: 1_000,
    addresses: ['172.17.0.9'],
    networks: ['bridge'],
    reachablePorts: 'all',
    ...{ asksForPort: false, inputPorts: [] },
    ...change,
  }
}
