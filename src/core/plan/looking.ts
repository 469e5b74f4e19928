import { type Viewers, viewersIn, type Wanted } from '../viewers/viewers.ts'
import { type Agenda, isBusy, type ObservedEngine, type Policy } from './fleet-snapshot.ts'

/** Whether somebody watches, as the last look found; `open` until there was one that decides. See `Agenda.sightOf`. */
export function viewersOf(observed: ObservedEngine, agenda: Agenda, wanted: Wanted): Viewers {
  const sight = agenda.sightOf(observed, wanted)
  return sight === null ? 'open' : viewersIn(sight, wanted.isMute)
}

/** It does not say how it is, so that it may hang with all its connections. */
export const isMute = ({ health }: ObservedEngine): boolean => health.verdict === 'unhealthy'

/** Until when it is hidden at least before it is stopped; a moment that never comes for one that is not. */
export const hiddenUntilMs = ({ engine }: ObservedEngine, { drainHideMs }: Policy): number =>
  (engine.drainingSince ?? Number.POSITIVE_INFINITY) + drainHideMs

/** It has drained for long enough, and is kept since nothing can tell whether somebody watches. */
export const isKept = (observed: ObservedEngine, policy: Policy): boolean =>
  observed.engine.status === 'draining' &&
  !isBusy(observed) &&
  observed.sight !== null &&
  observed.sight.atMs >= hiddenUntilMs(observed, policy) &&
  viewersIn(observed.sight, isMute(observed)) === 'unknown'

/** Somebody was seen to watch, of whom the books know nothing. */
export const isSeenWatched = (observed: ObservedEngine): boolean =>
  observed.sight !== null && viewersIn(observed.sight, isMute(observed)) === 'somebody'
