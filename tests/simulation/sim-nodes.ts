import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { MemoryRuntime } from '../support/memory-runtime.ts'
import { EngineLink, type LinkHabits } from './engine-link.ts'
import type { EngineProcess } from './engine-process.ts'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'
import { type NodeScenario, SimGluetun } from './sim-gluetun.ts'
import { short, type Trace } from './trace.ts'

/** The part of a scenario that concerns the VPN nodes of a host. */
export interface HostVpn {
  readonly nodes: readonly NodeScenario[]
  readonly habits: LinkHabits
}

/** The VPN nodes of a host, and the networks of the engines behind them. */
export class SimNodes {
  /** None without a VPN. */
  readonly all: readonly SimGluetun[]

  constructor(
    private readonly deps: {
      readonly clock: SimClock
      readonly random: Random
      readonly trace: Trace
      /** Null in a swarm, which has no nodes. */
      readonly runtime: MemoryRuntime | null
      readonly vpn: HostVpn | null
    },
  ) {
    const { vpn, random, runtime } = deps
    this.all =
      runtime === null || vpn === null
        ? []
        : vpn.nodes.map(
            (node) => new SimGluetun(node, { ...deps, runtime, random: random.stream(node.name) }),
          )
    for (const node of this.all) node.create()
  }

  /** Whether engines of this image report whether they are connected. */
  get canTell(): boolean {
    return this.deps.vpn?.habits.tells ?? true
  }

  /** The node with this name or this container, or undefined. */
  named(nameOrId: string | null): SimGluetun | undefined {
    return this.all.find(({ name, id }) => name === nameOrId || (id !== null && id === nameOrId))
  }

  /** The node with this name, or that has or had this container, or undefined. */
  ownerOf(nameOrId: string): SimGluetun | undefined {
    return this.all.find((node) => node.name === nameOrId || node.isOrWas(nameOrId))
  }

  /** The node whose present network a container has joined, or undefined. */
  behindOf(container: ContainerObservation): SimGluetun | undefined {
    return container.joins === null ? undefined : this.all.find((node) => node.isNetworkOf(container))
  }

  /** The connection of a process that uses the network of another container. Null for a network of its own. */
  newLink({ joins }: ContainerObservation, process: EngineProcess): EngineLink | null {
    const { clock, random, vpn } = this.deps
    if (vpn === null || joins === null) return null
    return new EngineLink({
      clock,
      random: random.stream(`link ${process.containerId} ${process.startedAtMs}`),
      habits: vpn.habits,
      onChange: (change) => process.change(change),
    })
  }

  look(containers: readonly ContainerObservation[]): void {
    for (const node of this.all) node.look(containers)
  }

  /** Updates the network and tunnel state of every engine behind a node. */
  connect(
    containers: readonly ContainerObservation[],
    processOf: (containerId: string) => EngineProcess | undefined,
  ): void {
    if (this.all.length === 0) return
    for (const container of containers) {
      const process = processOf(container.id)
      if (process?.link == null) continue
      const node = this.behindOf(container)
      const wasReachable = process.isReachable
      process.link.update(node !== undefined, node?.isTunnelUp ?? false)
      if (process.isReachable || !wasReachable) continue
      this.deps.trace.note('engine', `${short(container.id)} has lost its network`)
      process.cutOff()
    }
  }

  /** If several processes would listen on one port of a node's network, the first one has it. */
  listening(
    node: SimGluetun,
    port: number,
    containers: readonly ContainerObservation[],
    processOf: (containerId: string) => EngineProcess | undefined,
  ): EngineProcess | undefined {
    return containers
      .filter(({ labels }) => Number(labels['acestream.http_port']) === port)
      .filter((container) => this.behindOf(container) === node)
      .flatMap(({ id }) => processOf(id) ?? [])
      .filter(({ isReachable }) => isReachable)
      .toSorted((one, other) => one.startedAtMs - other.startedAtMs)[0]
  }
}
