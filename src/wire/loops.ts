import type { Feed } from '../control/feed/feed.ts'
import { imageWarnings } from '../control/reporting/image-warnings.ts'
import { placeWarning } from '../core/reporting/database-place.ts'
import { guarded } from '../lib/guard.ts'
import { bringTimesBack } from '../store/future-times.ts'
import type { Adapters, Base } from './base.ts'
import type { Work } from './work.ts'

/** Starts and stops all loops; see `Orchestrator`. */
export function loopsOf({ store, database, clock }: Adapters, base: Base, work: Work, feed: Feed) {
  const { edge, statistics, warnings, template, ownPlaces } = base
  const { provisioner, healthMonitor, vpnMonitor, observer, reconciler, repairQueue, operator } = work
  const {
    containerLogs,
    adoptedViewers,
    viewers,
    cache,
    reports,
    reachJudge,
    images,
    rights,
    proxyReports,
    hostWatch,
    storageWatch,
    retention,
    descriptors,
    summary,
    usageWatch,
  } = work
  const optional = [descriptors, hostWatch, cache, usageWatch].filter((loop) => loop !== null)
  const deciding = [reconciler, repairQueue]
  const seeing = [ownPlaces, reachJudge, viewers, adoptedViewers, rights, proxyReports]
  const asking = [...seeing, healthMonitor, vpnMonitor, observer, reports, images]
  const watching = [...asking, storageWatch]
  return {
    start: (): void => {
      if (store.failure() === null) {
        guarded(() => store.transact((tx) => bringTimesBack(tx, clock.now())), edge('the stored times'))()
        guarded(() => operator.endVoidOrder(), edge('the order of an earlier MIN_REPLICAS'))()
      }
      warnings.tellAll({ ...imageWarnings(template), database_place: placeWarning(database) })
      storageWatch.start()
      ownPlaces.start()
      reachJudge.start()
      guarded(() => provisioner.sweepUnclaimed(), edge('unclaimed engines'))()
      healthMonitor.start()
      vpnMonitor.start()
      retention.start()
      rights.start()
      proxyReports.start()
      observer.start()
      reconciler.start()
      adoptedViewers.start()
      reports.start()
      images.start()
      statistics.start()
      for (const loop of optional) loop.start()
    },
    hangUp: (): void => {
      feed.stop()
      containerLogs.stop()
    },
    stop: async (): Promise<void> => {
      feed.stop()
      containerLogs.stop()
      provisioner.stop()
      retention.stop()
      summary.stop()
      await Promise.all([...deciding, ...watching, ...optional].map((loop) => loop.stop()))
      await statistics.stop()
    },
  }
}
