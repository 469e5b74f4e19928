import { ID_CHARACTERS_MIN, type Names, referred } from '../../core/containers/references.ts'
import type { Engine } from '../../core/types.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Db } from '../../store/store.ts'
import { InvalidRequest } from '../errors.ts'

/*
 * How callers name engines and containers, read in one way everywhere: by the whole id, by 12 characters of it and more, or by the
 * name. What is named is removed at once, so nothing is guessed.
 */

/** The live engine of this id, name or container id; undefined where there is none. Throws InvalidRequest for less than that. */
export const engineNamed = (db: Db, text: string): Engine | undefined =>
  named(liveEngines(db), text, ({ id, name, containerId }) => ({ exact: [id, name], containerId }))

/** The same among containers. */
export const containerNamed = (
  containers: readonly ContainerObservation[],
  text: string,
): ContainerObservation | undefined =>
  named(containers, text, ({ id, name }) => ({ exact: [name], containerId: id }))

function named<T>(things: readonly T[], text: string, namesOf: (thing: T) => Names): T | undefined {
  const found = referred(things, text, namesOf)
  if (found.kind === 'one') return found.value
  if (found.kind === 'none') return undefined
  const message =
    found.kind === 'short'
      ? `must be a whole id, ${ID_CHARACTERS_MIN} characters of it and more, or a name`
      : 'is the beginning of several ids; give more of it, or the name'
  throw new InvalidRequest([{ path: ['params', 'id'], message }])
}
