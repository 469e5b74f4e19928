import type { Engine } from '../../core/types.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Db } from '../../store/store.ts'

/** How many other engines in the same network are asked at most. */
const NEIGHBOURS_MAX = 3

/**
 * The containers that can read the tables of an engine's network: its own, the network container, and those of other engines
 * in that network that run by `isRunning`.
 */
export function networkReaders(
  db: Db,
  { id, containerId, networkContainerId }: Engine,
  isRunning: (engine: Engine) => boolean,
): readonly string[] {
  const isNeighbour = (other: Engine): boolean =>
    other.networkContainerId === networkContainerId && other.id !== id && isRunning(other)
  const neighbours = networkContainerId === null ? [] : liveEngines(db).filter(isNeighbour)
  const others = neighbours.slice(0, NEIGHBOURS_MAX).map((other) => other.containerId)
  return [containerId, networkContainerId, ...others].flatMap((each) => each ?? [])
}
