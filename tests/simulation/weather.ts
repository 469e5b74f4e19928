import type { Random } from './random.ts'
import type { World } from './world.ts'

/** Gives each call a random duration. Pings and half of the inspections take no time, to keep a seed fast. */
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

/** Makes events late, repeated, reordered or lost. The periodic full pass finds what was lost. */
export function setEventTrouble({ host, scenario }: World, random: Random): void {
  host.runtime.deliverAfterMs = () => {
    if (!random.chance(scenario.eventTrouble)) return [0]
    return random.pick([[], [random.int(1, 8_000)], [0, random.int(0, 500)], [random.int(1, 300)]])
  }
}

/**
 * Draws the duration of each commit in milliseconds: short, or tens with a chance of `slow`, or hundreds with a tenth of
 * that chance.
 */
export function commitTimes(random: Random, slow: number): () => number {
  return () => {
    const drawn = random.float()
    if (drawn < slow / 10) return random.int(100, 500)
    return drawn < slow ? random.int(10, 90) : random.int(0, 2)
  }
}
