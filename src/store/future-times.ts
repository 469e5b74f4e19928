import { type Column, gt, or, sql } from 'drizzle-orm'
import { notedReplacement, noteReplacement, setScaleOrder, storedOrder } from './fleet-orders.ts'
import { breakers, engines, idempotencyKeys, portLeases, streams } from './schema.ts'
import type { Db } from './store.ts'

/**
 * Sets stored times that are later than `nowMs` to `nowMs`. Such times exist when the clock was set back after they were
 * written, and nothing should wait for them. This covers all times that decisions depend on. Times reported by the container
 * engine stay: they come from its clock and identify a start of a container.
 */
export function bringTimesBack(tx: Db, nowMs: number): void {
  const past = (column: Column) => sql<number>`min(${column}, ${nowMs})`
  const ahead = (...columns: readonly Column[]) => or(...columns.map((column) => gt(column, nowMs)))
  const e = engines
  tx.update(e)
    .set({
      createdAt: past(e.createdAt),
      readyAt: past(e.readyAt),
      handedOutAt: past(e.handedOutAt),
      unclaimedSince: past(e.unclaimedSince),
      adoptedAt: past(e.adoptedAt),
      removalRequestedAt: past(e.removalRequestedAt),
      lastStreamAt: past(e.lastStreamAt),
      drainingSince: past(e.drainingSince),
      stoppedAt: past(e.stoppedAt),
      endedAt: past(e.endedAt),
      failedAttemptAt: past(e.failedAttemptAt),
      cacheCleanedAt: past(e.cacheCleanedAt),
    })
    .where(
      ahead(
        ...[e.createdAt, e.readyAt, e.handedOutAt, e.unclaimedSince, e.adoptedAt, e.removalRequestedAt],
        ...[e.lastStreamAt, e.drainingSince, e.stoppedAt, e.endedAt, e.failedAttemptAt, e.cacheCleanedAt],
      ),
    )
    .run()
  tx.update(portLeases).set({ leasedAt: nowMs }).where(ahead(portLeases.leasedAt)).run()
  tx.update(streams)
    .set({ startedAt: past(streams.startedAt), endedAt: past(streams.endedAt) })
    .where(ahead(streams.startedAt, streams.endedAt))
    .run()
  tx.update(idempotencyKeys).set({ createdAt: nowMs }).where(ahead(idempotencyKeys.createdAt)).run()
  const b = breakers
  tx.update(b)
    .set({
      openedAt: past(b.openedAt),
      lastFailureAt: past(b.lastFailureAt),
      lastSuccessAt: past(b.lastSuccessAt),
    })
    .run()
  const order = storedOrder(tx)
  if (order !== null && order.atMs > nowMs) setScaleOrder(tx, { ...order, atMs: nowMs })
  const replacement = notedReplacement(tx)
  if (replacement !== null && replacement.atMs > nowMs) noteReplacement(tx, { ...replacement, atMs: nowMs })
}
