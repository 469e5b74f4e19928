import { and, desc, eq, sql } from 'drizzle-orm'
import type { BreakerName } from './breakers.ts'
import { journalRows } from './journal.ts'
import { prepared } from './prepared.ts'
import { journal } from './schema.ts'
import type { Db } from './store.ts'

/** An engine that failed by its own fault, as its breaker counted it. */
export interface BreakerFault {
  readonly at: number
  readonly engineId: string | null
  /** Null if the row of the engine was pruned. */
  readonly containerName: string | null
  readonly reason: string
}

/** The kinds of entries that may say which breaker counted what happened. */
const KINDS = ['engine.failed', 'provision.failed'] as const

const ofKind = prepared((db) =>
  journalRows(db)
    .where(
      and(
        eq(journal.kind, sql.placeholder('kind')),
        sql`json_extract(${journal.detail}, '$.breaker') = ${sql.placeholder('breaker')}`,
      ),
    )
    .orderBy(desc(journal.id))
    .limit(sql.placeholder('limit'))
    .prepare(),
)

/** The newest faults that a breaker counted, newest first, as far as the journal still has them. */
export const lastFaults = (db: Db, breaker: BreakerName, limit: number): BreakerFault[] =>
  KINDS.flatMap((kind) => ofKind(db).all({ kind, breaker, limit }))
    .toSorted((one, other) => other.id - one.id)
    .slice(0, limit)
    .map(({ at, engineId, containerName, detail }) => ({
      ...{ at, engineId, containerName },
      reason: String(detail.reason),
    }))
