import { isBeyondUs } from '../engines/reach.ts'
import { type Viewers, viewersIn, type Wanted } from '../viewers/viewers.ts'
import { type Agenda, isBusy, type ObservedEngine, type Policy } from './fleet-snapshot.ts'

/**
 * Whether the engine has viewers, as the last look found; `open` until there was a look that decides. See `Agenda.sightOf`.
 */
export function viewersOf(observed: ObservedEngine, agenda: Agenda, wanted: Wanted): Viewers {
  const sight = agenda.sightOf(observed, wanted)
  return sight === null ? 'open' : viewersIn(sight, wanted.isMute)
}

/**
 * Whether the engine does not answer: it may hang and still keep all its connections. Where our questions do not reach it, its
 * connections are as good as any.
 */
export const isMute = (observed: ObservedEngine): boolean =>
  observed.health.verdict === 'unhealthy' && !isBeyondUs(observed)

/** Until when the engine stays hidden at least, before it is stopped; infinity if it does not drain. */
export const hiddenUntilMs = ({ engine }: ObservedEngine, { drainHideMs }: Policy): number =>
  (engine.drainingSince ?? Number.POSITIVE_INFINITY) + drainHideMs

/** Whether the engine has drained for long enough and is only kept because nothing can tell whether it has viewers. */
export const isKept = (observed: ObservedEngine, policy: Policy): boolean =>
  observed.engine.status === 'draining' &&
  !isBusy(observed) &&
  observed.sight !== null &&
  observed.sight.atMs >= hiddenUntilMs(observed, policy) &&
  viewersIn(observed.sight, isMute(observed)) === 'unknown'

/** Whether a look found viewers. */
export const isSeenWatched = (observed: ObservedEngine): boolean =>
  observed.sight !== null && viewersIn(observed.sight, isMute(observed)) === 'somebody'
