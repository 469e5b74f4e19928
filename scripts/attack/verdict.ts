import type { PlannedAttack } from './attacks.ts'
import { FLEET } from './site.ts'
import type { Asked, Trial } from './trial.ts'

/** The most that acexy's reads may take, of a hundred all but one. */
const P99_MS = 50

/** When acexy gives up a question. */
const PATIENCE_MS = 3_000

/**
 * Which of the promises did not hold, in sentences; none where all did. Where all descriptors are taken, connections are closed,
 * acexy's too, so that some are left: a question may be lost then, but not its repetitions for as long as acexy waits for one.
 */
export function brokenPromises(trial: Trial, { descriptors }: PlannedAttack): string[] {
  const areConnectionsTaken = descriptors !== undefined
  const { death, lostEngines, cutStreams, fewestListed, complaints, kept, fresh } = trial
  return [
    ...(death === null ? [] : [death]),
    ...lostEngines.map((id) => `the engine ${id.slice(0, 12)} is not listed as healthy any more`),
    ...(fewestListed < FLEET && lostEngines.length === 0
      ? [`${FLEET - fewestListed} engines were not listed for a while`]
      : []),
    ...cutStreams.map((id) => `the stream ${id} does not move on, or is not in the books`),
    ...slowness('on a kept connection', kept),
    ...(areConnectionsTaken
      ? [...silences('on a kept connection', kept), ...silences('on new connections', fresh)]
      : [
          ...slowness('on new connections', fresh),
          ...failuresOf('on a kept connection', kept),
          ...failuresOf('on new connections', fresh),
        ]),
    ...complaints,
  ]
}

const slowness = (where: string, { ms }: Asked): string[] =>
  ms !== null && ms.p99 < P99_MS
    ? []
    : [`acexy's reads ${where}: p99 is ${ms?.p99.toFixed(1) ?? 'infinite,'} ms, ${P99_MS} is the most`]

const silences = (where: string, { longestGapMs }: Asked): string[] =>
  longestGapMs < PATIENCE_MS ? [] : [`acexy's reads ${where}: no answer for ${longestGapMs.toFixed(0)} ms`]

function failuresOf(where: string, { failures }: Asked): string[] {
  if (failures.length === 0) return []
  return [
    `acexy's reads ${where}: ${failures.length} without an answer (${[...new Set(failures)].join('; ')})`,
  ]
}
