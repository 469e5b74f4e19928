import type { ContainerSpec, HostObservation } from '../../src/runtime/runtime.ts'
import type { Program } from './memory-container.ts'
import { type EngineClock, MemoryEngine } from './memory-engine.ts'
import type { EngineNews } from './memory-subscriptions.ts'

/** How a host of an in-memory swarm is known. */
export type HostFacts = Pick<HostObservation, 'id' | 'name' | 'address' | 'role' | 'isOurs' | 'labels'>

/** One host of an in-memory swarm: its containers, and what the manager knows of it. */
export class MemoryHost {
  readonly engine: MemoryEngine
  availability: HostObservation['availability'] = 'active'
  /** Whether the manager reaches the host. */
  isReachable = true
  /** Whether the manager takes it for up. It notices a loss late. */
  isUp = true
  /** Containers of services that were removed while the manager did not reach the host. */
  readonly orphans = new Set<string>()

  constructor(
    readonly facts: HostFacts,
    deps: {
      readonly clock: EngineClock
      readonly programOf: (spec: ContainerSpec) => Program
      readonly images: readonly string[]
      readonly emit: (news: EngineNews) => void
    },
  ) {
    this.engine = new MemoryEngine(deps.clock, deps.programOf, deps.emit, 'no')
    for (const image of deps.images) this.engine.images.add(image)
  }

  /** The host as the manager lists it. */
  observe(): HostObservation {
    const { isUp, availability } = this
    return { ...this.facts, isUp, availability, os: 'linux', architecture: 'amd64' }
  }

  /** Whether a container has a process. */
  runs(id: string): boolean {
    if (this.engine.specOf(id) === undefined) return false
    const { state } = this.engine.look(id)
    return state === 'running' || state === 'paused'
  }
}
