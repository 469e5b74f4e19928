import type { EngineHost } from '../types.ts'

/** A host as a candidate for another engine. */
export interface HostPlace extends EngineHost {
  /** Its agent answers the container engine. */
  readonly isUp: boolean
  /** Its operator lets it take further containers. */
  readonly isOpen: boolean
  /** It meets the conditions of the settings. */
  readonly isMeant: boolean
  /** Number of live engines on it, and of those that nobody uses. */
  readonly engines: number
  readonly free: number
  /** It has a free port for another engine; if a port was requested, that one. */
  readonly hasPort: boolean
}

/** What limits the choice of a host. */
export interface HostWish {
  /** The host to take if it is possible: its id or its name. */
  readonly preferred: string | null
  /** The only host that will do: its id or its name. */
  readonly only: string | null
  /** The most engines on one host; null for no limit. */
  readonly maxEngines: number | null
}

type Obstacle = (place: HostPlace, wish: HostWish) => string | null

/** Why a host cannot take another engine, in the order in which it is told. */
const OBSTACLES: readonly Obstacle[] = [
  (place, { only }) => (only === null || isCalled(place, only) ? null : `is not SWARM_POST_NODE=${only}`),
  ({ isMeant }) => (isMeant ? null : 'does not meet SWARM_CONSTRAINTS'),
  ({ isUp }) => (isUp ? null : 'is down'),
  ({ isOpen }) => (isOpen ? null : 'takes no containers'),
  ({ engines }, { maxEngines }) =>
    maxEngines === null || engines < maxEngines
      ? null
      : `has ${engines} engine${engines === 1 ? '' : 's'}, the most that it may have`,
  ({ hasPort }) => (hasPort ? null : 'has no free port'),
]

const obstacleOf = (place: HostPlace, wish: HostWish): string | null => {
  for (const obstacle of OBSTACLES) {
    const why = obstacle(place, wish)
    if (why !== null) return why
  }
  return null
}

/**
 * Chooses the host for another engine: the preferred one, else the one with the fewest free engines, so that viewers find
 * one anywhere; then the one with the fewest engines, then the first by name. Null if there is none.
 */
export function hostFor<Place extends HostPlace>(places: readonly Place[], wish: HostWish): Place | null {
  const possible = places.filter((place) => obstacleOf(place, wish) === null)
  const { preferred } = wish
  const wanted = preferred === null ? undefined : possible.find((place) => isCalled(place, preferred))
  return wanted ?? possible.toSorted(byLoad)[0] ?? null
}

const byLoad = (a: HostPlace, b: HostPlace): number =>
  a.free - b.free || a.engines - b.engines || (a.name < b.name ? -1 : 1)

/** Whether this is the host's id or its name. */
export const isCalled = ({ id, name }: EngineHost, called: string): boolean =>
  called === id || called === name

/** How many hosts a message names. */
const NAMED_MAX = 5

/** Why no host takes another engine; null if one does. */
export function whyNoHost(places: readonly HostPlace[], wish: HostWish): string | null {
  if (places.length === 0) return 'the swarm has no node'
  const named = places.map((place) => ({ name: place.name, why: obstacleOf(place, wish) }))
  if (named.some(({ why }) => why === null)) return null
  const told = named.slice(0, NAMED_MAX).map(({ name, why }) => `${name} ${why}`)
  const rest = named.length > NAMED_MAX ? ` and ${named.length - NAMED_MAX} more` : ''
  return `${told.join(', ')}${rest}`
}
