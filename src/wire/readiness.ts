import type { Observer } from '../control/containers/observer.ts'
import type { Facts } from '../control/facts/facts.ts'
import type { HostWatch } from '../control/housekeeping/host-watch.ts'
import type { Services } from '../http/app.ts'
import type { Store } from '../store/store.ts'

/** Those who find what there is after a start. */
export interface Finders {
  readonly observer: Pick<Observer, 'hasPassed'>
  /** Null where there is one host. */
  readonly hostWatch: Pick<HostWatch, 'hasListed'> | null
}

/** Whether all has been found that has to be known before an engine is started for a caller. */
export const hasFoundAll = (finders: Finders): boolean => missing(finders) === null

function missing({ observer, hostWatch }: Finders): string | null {
  if (!observer.hasPassed()) return 'the engines'
  return hostWatch?.hasListed() === false ? 'the nodes of the swarm' : null
}

/** The answer of `/readyz`. */
export function readiness(
  parts: Finders & {
    readonly store: Pick<Store, 'failure'>
    readonly facts: Pick<Facts, 'docker' | 'forbidden'>
  },
): ReturnType<Services['status']['readiness']> {
  const { store, facts } = parts
  const failure = store.failure()
  const storage = failure && `the database takes no writes: ${failure.message}`
  const what = missing(parts)
  if (what === null) {
    const reason = storage ?? facts.forbidden()
    return { status: reason === null ? 'ready' : 'degraded', reason }
  }
  const docker = facts.docker()
  const looking =
    docker.state === 'unreachable'
      ? (facts.forbidden() ?? `Docker not reachable: ${docker.error}`)
      : `${what} are being looked for`
  return { status: 'not_ready', reason: storage ?? looking }
}
