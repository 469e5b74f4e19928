import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { MemorySwarm } from './memory-swarm.ts'
import { IMAGE, LABEL, RigOn } from './rig.ts'
import { VirtualClock } from './virtual-clock.ts'

/** The application on a swarm in memory. The first host has the manager. */
export class SwarmRig extends RigOn<MemorySwarm> {
  constructor(env: Readonly<Record<string, string>>, hosts: readonly string[]) {
    const clock = new VirtualClock()
    const runtime = new MemorySwarm({
      ...{ clock, label: LABEL, deadlinesMs: DEFAULT_DEADLINES_MS, images: [IMAGE], programOf: null },
      hosts: hosts.map((name, at) => ({
        ...{ id: `id-of-${name}`, name, address: `10.9.0.${at + 1}`, labels: {} },
        ...{ role: at === 0 ? 'manager' : 'worker', isOurs: at === 0 },
      })),
    })
    super({ ENGINE_RUNTIME: 'swarm', ...env }, { clock, runtime })
  }
}
