import type { Random } from './random.ts'
import type { SwarmScenario } from './sim-swarm.ts'

/** A swarm in place of the one Docker host, with the matching configuration. */
export interface DrawnSwarm {
  readonly scenario: SwarmScenario
  readonly env: Readonly<Record<string, string>>
}

const NAMES = ['north', 'south', 'west'] as const

/** Draws a swarm; a third of the seeds have one. `engines` is the highest possible number of engines. */
export function drawSwarm(random: Random, engines: number): DrawnSwarm | null {
  if (!random.chance(0.35)) return null
  const hosts = NAMES.slice(0, random.int(2, 3))
  const proxiesOn = random.pick(hosts) ?? NAMES[0]
  // A POST must be possible somewhere.
  const isForWorkers = hosts.length > 2 && proxiesOn !== hosts[0] && random.chance(0.5)
  // All engines fit on the hosts that are left when one is away, or not.
  const most = random.pick([null, engines, Math.ceil(engines / (hosts.length - 1)), Math.ceil(engines / 2)])
  return {
    scenario: {
      ...{ hosts, proxiesOn, taskMaxMs: random.pick([900, 900, 3_000]) },
      missesOne: random.pick([null, null, 'lost', 'drain'] as const),
    },
    env: {
      ENGINE_RUNTIME: 'swarm',
      SWARM_MAX_PER_NODE: most === null ? '' : String(most),
      SWARM_POST_NODE: random.chance(0.6) ? proxiesOn : '',
      SWARM_CONSTRAINTS: isForWorkers ? 'node.role==worker' : '',
      // What services of a swarm cannot do.
      ...{ PULL: 'never', ENGINE_CACHE_PATH: '' },
    },
  }
}
