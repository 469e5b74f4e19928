import { isEverywhere, isLoopbackAddress } from '../core/host-port.ts'
import type { EngineHost } from '../core/types.ts'
import type { HostObservation } from './runtime.ts'
import type { SwarmNode } from './swarm-answers.ts'

const AVAILABILITIES = ['active', 'pause', 'drain'] as const

/** Go's names of the architectures that the kernel calls differently. A swarm gives the kernel's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm' }

/** A node of a swarm as a host. `ownId` is the id of the node that we talk to. */
export function fromNode(node: SwarmNode, ownId: string | null): HostObservation {
  const { Architecture = '', OS = '' } = node.Description.Platform ?? {}
  return {
    ...hostOf(node),
    isUp: node.Status.State === 'ready',
    availability: AVAILABILITIES.find((each) => each === node.Spec.Availability) ?? 'pause',
    role: node.Spec.Role === 'manager' ? 'manager' : 'worker',
    isOurs: node.ID === ownId,
    labels: node.Spec.Labels ?? {},
    os: OS,
    architecture: ARCHITECTURES[Architecture] ?? Architecture,
  }
}

/** The host of this id among the nodes of a swarm. One that has left the swarm is known by nothing but its id. */
export function hostAmong(nodes: readonly SwarmNode[], id: string): EngineHost {
  const node = nodes.find(({ ID }) => ID === id)
  return node === undefined ? { id, name: id, address: null } : hostOf(node)
}

/** Whether the node of this id answers its manager. */
export const isUp = (nodes: readonly SwarmNode[], id: string): boolean =>
  nodes.some(({ ID, Status }) => ID === id && Status.State === 'ready')

/** Whether the node of this id answers its manager and takes containers. */
export const isOpen = (nodes: readonly SwarmNode[], id: string): boolean =>
  isUp(nodes, id) && nodes.some(({ ID, Spec }) => ID === id && Spec.Availability === 'active')

function hostOf(node: SwarmNode): EngineHost {
  return { id: node.ID, name: node.Description.Hostname || node.ID, address: addressOf(node) }
}

/** A manager does not see its own address as the others do, so what it tells the other managers is taken then. */
function addressOf({ Status, ManagerStatus }: SwarmNode): string | null {
  const seen = Status.Addr ?? ''
  if (!isEverywhere(seen) && !isLoopbackAddress(seen)) return seen
  const told = (ManagerStatus?.Addr ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return (isEverywhere(told) ? seen : told) || null
}
