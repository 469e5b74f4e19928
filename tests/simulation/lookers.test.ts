import { describe, expect, test } from 'bun:test'
import { SIGHTS } from './lookers.ts'
import { settled } from './sim-clock.ts'
import { setEventTrouble, setLatencies } from './weather.ts'
import { World } from './world.ts'

const SIMULATED_MS = 150_000
const SEEDS = [1, 2, 3]

type Sight = (typeof SIGHTS)[number]

/** Where each viewer of a seed was sent, and when, while somebody looks at these ten times a second. */
async function choicesOf(seed: number, sights: readonly Sight[]): Promise<readonly string[]> {
  const choices: string[] = []
  const echo = (line: string): void => {
    if (/ goes to | turned away | got no stream/.test(line)) choices.push(line)
  }
  const world = new World(seed, echo, (drawn) => ({
    ...drawn,
    proxies: 2,
    audience: { ...drawn.audience, stayMs: 40_000, zapping: 0.5 },
  }))
  const { scenario, random, crowds, lookers, clock, server, host } = world
  const fail = (error: unknown): void => world.violate(String(error))
  setLatencies(world, random.stream('latency'))
  setEventTrouble(world, random.stream('events'))
  world.startServer({ ...scenario.env, MIN_REPLICAS: '3', MAX_REPLICAS: '5' })
  world.proxies.begin()
  crowds.come(random.stream('arrivals'), 8_000)
  crowds.comeTogether(random.stream('groups'), 30_000)
  const untilMs = clock.now() + SIMULATED_MS
  for (const sight of sights)
    lookers.look({ sight, everyMs: 100, untilMs, userAgent: 'Mozilla/5.0' }).catch(fail)
  await settled()
  while (await clock.step(untilMs)) host.look()
  server.running?.life.die()
  expect(world.violations).toEqual([])
  return choices
}

describe('somebody who looks ten times a second', () => {
  test.each(SEEDS)(
    'changes where no viewer of seed %i is sent',
    async (seed) => {
      const undisturbed = await choicesOf(seed, [])
      expect(undisturbed.length).toBeGreaterThan(10)
      expect(await choicesOf(seed, SIGHTS)).toEqual([...undisturbed])
    },
    60_000,
  )
})
