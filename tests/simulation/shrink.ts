import { PARTS } from './scenario.ts'
import { Simulation } from './simulation.ts'

/**
 * Leaves out one part after the other as long as the seed still fails in the same way. Returns the parts that can be left
 * out.
 */
export async function shrink(seed: number): Promise<readonly string[]> {
  const left: string[] = []
  const first = kindOf((await new Simulation(seed).run()).violations)
  if (first === null) return left
  for (const part of PARTS) {
    const { violations } = await new Simulation(seed, null, new Set([...left, part])).run()
    if (kindOf(violations) === first) left.push(part)
  }
  return left
}

/** The violation without names and numbers, which differ from run to run. */
const kindOf = ([violation]: readonly string[]): string | null =>
  violation?.replaceAll(/[0-9a-f]{6,}|\w*\d\w*/g, '#').slice(0, 80) ?? null
