import { ID_CHARACTERS_MIN, type Names, referred } from '../../core/containers/references.ts'
import type { Engine } from '../../core/types.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Db } from '../../store/store.ts'
import { InvalidRequest } from '../errors.ts'

/*
 * Finds the engine or container that a caller names, in one way everywhere: by the whole id, by its first 12 characters or
 * more, or by the name. A named container is removed at once, so nothing is guessed.
 */

/**
 * The live engine with this id, name or container id; undefined if there is none. Throws InvalidRequest if the id is too
 * short or ambiguous.
 */
export const engineNamed = (db: Db, text: string): Engine | undefined =>
  named(liveEngines(db), text, ({ id, name, containerId }) => ({ exact: [id, name], containerId }))

/** The container with this id or name, by the same rules. */
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
