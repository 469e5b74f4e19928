import type { PlannedAttack } from './attacks.ts'
import { FLEET } from './site.ts'
import type { Asked, Trial } from './trial.ts'

/** The highest accepted p99 of acexy's reads. */
const P99_MS = 50

/** How long acexy waits for an answer. */
const PATIENCE_MS = 3_000

/**
 * Returns the promises that did not hold, in sentences; an empty list if all held. If all descriptors are taken, the
 * orchestrator closes connections, acexy's too, so that some descriptors are left. In that case a question may be lost, but
 * not its repetitions for as long as acexy waits for an answer.
 */
export function brokenPromises(trial: Trial, { descriptors, p99Ms = P99_MS }: PlannedAttack): string[] {
  const areConnectionsTaken = descriptors !== undefined
  const { death, lostEngines, cutStreams, fewestListed, complaints, kept, fresh } = trial
  return [
    ...(death === null ? [] : [death]),
    ...lostEngines.map((id) => `the engine ${id.slice(0, 12)} is not listed as healthy any more`),
    ...(fewestListed < FLEET && lostEngines.length === 0
      ? [`${FLEET - fewestListed} engines were not listed for a while`]
      : []),
    ...cutStreams.map((id) => `the stream ${id} does not move on, or is not in the books`),
    ...slowness('on a kept connection', kept, p99Ms),
    ...(areConnectionsTaken
      ? [...silences('on a kept connection', kept), ...silences('on new connections', fresh)]
      : [
          ...slowness('on new connections', fresh, p99Ms),
          ...failuresOf('on a kept connection', kept),
          ...failuresOf('on new connections', fresh),
        ]),
    ...complaints,
  ]
}

const slowness = (where: string, { ms }: Asked, most: number): string[] =>
  ms !== null && ms.p99 < most
    ? []
    : [`acexy's reads ${where}: p99 is ${ms?.p99.toFixed(1) ?? 'infinite,'} ms, ${most} is the most`]

const silences = (where: string, { longestGapMs }: Asked): string[] =>
  longestGapMs < PATIENCE_MS ? [] : [`acexy's reads ${where}: no answer for ${longestGapMs.toFixed(0)} ms`]

function failuresOf(where: string, { failures }: Asked): string[] {
  if (failures.length === 0) return []
  return [
    `acexy's reads ${where}: ${failures.length} without an answer (${[...new Set(failures)].join('; ')})`,
  ]
}
