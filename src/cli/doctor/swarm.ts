import { type Constraint, type HostTraits, meets } from '../../core/hosts/constraints.ts'
import { conditionOf } from '../../core/hosts/host-state.ts'
import { isCalled, whyNoHost } from '../../core/hosts/placement.ts'
import type { EngineHost } from '../../core/types.ts'
import { type Asked, counted, fault, inParts, ok, type Row, unanswered, warning } from './row.ts'

interface SeenHost extends EngineHost, HostTraits {
  readonly isUp: boolean
  readonly availability: 'active' | 'pause' | 'drain'
}

export interface SwarmFacts {
  readonly hosts: Asked<readonly SeenHost[]>
  readonly constraints: readonly Constraint[]
  /** SWARM_POST_NODE; null if it is not set. */
  readonly callersHost: string | null
}

/** Whether engines can be put on the nodes of the swarm, and whether one node has all that a POST asks for. */
export function swarmRows({ hosts: asked, constraints, callersHost }: SwarmFacts): readonly Row[] {
  if (asked.kind === 'failed')
    return [fault('swarm', ...inParts(asked.why, 'run docker swarm init, or point DOCKER_HOST at a manager'))]
  if (asked.kind !== 'answer') return [unanswered('swarm', asked)]
  const hosts = asked.value
  return [placesRow(hosts, constraints), ...lostRows(hosts), ...callersRows(hosts, callersHost)]
}

function placesRow(hosts: readonly SeenHost[], constraints: readonly Constraint[]): Row {
  const places = hosts.map((host) => ({
    ...host,
    ...{ isOpen: host.availability === 'active', isMeant: meets(host, constraints) },
    ...{ engines: 0, free: 0, hasPort: true },
  }))
  const why = whyNoHost(places, { preferred: null, only: null, maxEngines: null })
  if (why !== null)
    return fault(
      'swarm',
      `no node may have engines: ${why}`,
      'look at docker node ls, and at SWARM_CONSTRAINTS',
    )
  const able = places.filter(({ isUp, isOpen, isMeant }) => isUp && isOpen && isMeant).length
  return ok('swarm', `${counted(hosts.length, 'node')}, of which ${able} may have engines`)
}

function lostRows(hosts: readonly SeenHost[]): readonly Row[] {
  const lost = hosts.filter((host) => conditionOf(host) === 'lost').map(({ name }) => name)
  if (lost.length === 0) return []
  const remedy = 'look at that machine; if it is gone for good, run docker node rm --force and its name'
  return [warning('swarm', `the swarm hears nothing of ${lost.join(', ')}`, remedy)]
}

function callersRows(hosts: readonly SeenHost[], callersHost: string | null): readonly Row[] {
  if (callersHost === null || hosts.some((host) => isCalled(host, callersHost))) return []
  const names = hosts.map(({ name }) => name).join(', ')
  return [
    fault(
      'swarm',
      `SWARM_POST_NODE is ${callersHost}, and the nodes are ${names}: no POST gets an engine`,
      'set it to the node that acexy runs on',
    ),
  ]
}
