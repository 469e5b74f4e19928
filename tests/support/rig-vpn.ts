import type { VpnControlFact } from '../../src/control/vpn/vpn-source.ts'
import type { NodeContainer } from '../../src/core/vpn/node-signs.ts'
import { IMAGE, Rig } from './rig.ts'
import { settled } from './virtual-clock.ts'

/** A Gluetun container in the container engine of a rig. A test reports its facts by hand. */
export class RigNode {
  health: NodeContainer['health'] = 'healthy'
  healthText: string | null = null
  /** Null for a container without a control server. */
  control: Partial<VpnControlFact> | null = {}
  reachablePorts: NodeContainer['reachablePorts'] = 'all'
  asksForPort = false

  constructor(
    private readonly rig: Rig,
    readonly name: string,
  ) {}

  get id(): string {
    return this.rig.runtime.containers().find(({ name }) => name === this.name)?.id ?? ''
  }

  async create(): Promise<void> {
    const { runtime } = this.rig
    const spec = { name: this.name, image: IMAGE, env: {}, labels: {}, ports: [], publishAddress: '' }
    const id = await runtime.create({ ...spec, network: null, memoryBytes: null, cpus: null })
    await runtime.start(id)
  }

  async recreate(): Promise<void> {
    this.rig.runtime.removeOutside(this.id)
    await this.create()
  }

  /** Reports what Docker and the control server would say about the node now. */
  report(): void {
    const { runtime, vpn, clock } = this.rig
    const seen = runtime.containers().find(({ name }) => name === this.name)
    const atMs = clock.now()
    if (seen === undefined) {
      vpn.container(this.name, null, atMs)
      return
    }
    const { id, state, startedAtMs, address, networks } = seen
    const addresses = address === null ? [] : [address]
    vpn.container(
      this.name,
      {
        ...{ id, state, startedAtMs, addresses, networks, reachablePorts: this.reachablePorts },
        ...{ asksForPort: this.asksForPort, inputPorts: [] },
        health: this.health,
        healthText: this.healthText,
      },
      atMs,
    )
    if (state === 'running' && this.control !== null) vpn.control(this.name, atMs, this.control)
  }
}

/** Starts a rig behind VPN nodes that have run and been healthy for a minute. */
export async function startBehindVpn(
  names: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly rig: Rig; readonly nodes: readonly RigNode[] }> {
  const ranges = names.map((_, index) => `${19_000 + index * 20}-${19_019 + index * 20}`)
  const rig = new Rig({
    GLUETUN_CONTAINER_NAME: names.join(','),
    GLUETUN_PORT_RANGE: ranges.join(','),
    DRAIN_HIDE_S: '5',
    ...env,
  })
  const nodes = names.map((name) => new RigNode(rig, name))
  for (const node of nodes) await node.create()
  await rig.clock.advance(60_000)
  await rig.start()
  for (const node of nodes) node.report()
  await settled()
  return { rig, nodes }
}
