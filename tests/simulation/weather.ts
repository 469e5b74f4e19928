import type { Random } from './random.ts'
import type { World } from './world.ts'

/** Each call takes a while, drawn anew; pings and half of the looks none, to keep a seed quick. */
export function setLatencies({ host }: World, random: Random): void {
  host.runtime.latencyMs = (verb) => {
    switch (verb) {
      case 'ping':
      case 'events':
      case 'watch':
        return 0
      case 'inspect':
      case 'list':
        return random.chance(0.5) ? 0 : random.int(1, 80)
      case 'traffic':
        return random.int(1_000, 2_000)
      default:
        return random.chance(0.05) ? random.int(800, 3_500) : random.int(20, 500)
    }
  }
}

/** Events come late, twice, out of order or not at all; what was lost is found by the periodic pass. */
export function setEventTrouble({ host, scenario }: World, random: Random): void {
  host.runtime.deliverAfterMs = () => {
    if (!random.chance(scenario.eventTrouble)) return [0]
    return random.pick([[], [random.int(1, 8_000)], [0, random.int(0, 500)], [random.int(1, 300)]])
  }
}

/** What each commit takes, in milliseconds: little, or tens with a chance of `slow`, or hundreds with a tenth of that. */
export function commitTimes(random: Random, slow: number): () => number {
  return () => {
    const drawn = random.float()
    if (drawn < slow / 10) return random.int(100, 500)
    return drawn < slow ? random.int(10, 90) : random.int(0, 2)
  }
}
