import { and, asc, count, desc, eq, gt, lt, lte, max, sql } from 'drizzle-orm'
import { prepared } from './prepared.ts'
import { journal } from './schema.ts'
import type { Db } from './store.ts'

/** What happened; written in the transaction that made it so, and never changed. */
type JournalKind =
  | 'provision.started'
  | 'provision.renamed'
  | 'provision.port_refused'
  | 'provision.completed'
  | 'provision.failed'
  | 'provision.unknown'
  | 'engine.handed_out'
  | 'engine.unclaimed'
  | 'engine.spare'
  | 'engine.ready'
  | 'engine.stopped'
  | 'engine.started'
  | 'engine.adopted'
  | 'engine.draining'
  | 'engine.recalled'
  | 'engine.replacing'
  | 'engine.revived'
  | 'engine.restarting'
  | 'engine.recreating'
  | 'engine.quiet'
  | 'engine.cache_cleaned'
  | 'engine.removal_requested'
  | 'engine.failed'
  | 'engine.gone'
  | 'container.reaped'
  | 'stream.started'
  | 'stream.failed'
  | 'stream.ended'
  | 'fleet.scaled'
  | 'breaker.opened'
  | 'breaker.closed'
  | 'vpn.up'
  | 'vpn.down'
  | 'vpn.unknown'
  | 'vpn.reconnected'
  | 'vpn.port_changed'

export interface JournalEntry {
  readonly kind: JournalKind
  readonly engineId?: string | null
  readonly streamId?: string | null
  readonly detail?: Readonly<Record<string, unknown>>
}

const insert = prepared((db) =>
  db
    .insert(journal)
    .values({
      at: sql.placeholder('at'),
      kind: sql.placeholder('kind'),
      engineId: sql.placeholder('engineId'),
      streamId: sql.placeholder('streamId'),
      detail: sql.placeholder('detail'),
    })
    .prepare(),
)

export const appendJournal = (tx: Db, nowMs: number, entry: JournalEntry): void => {
  const { kind, engineId = null, streamId = null, detail = {} } = entry
  insert(tx).run({ at: nowMs, kind, engineId, streamId, detail })
}

/** The newest entries, newest first. */
export const newestJournal = (db: Db, limit: number) =>
  db.select().from(journal).orderBy(desc(journal.id)).limit(limit).all()

const isAfter = gt(journal.id, sql.placeholder('id'))
const isEnd = eq(journal.kind, 'stream.ended')
const newestId = prepared((db) =>
  db
    .select({ id: max(journal.id) })
    .from(journal)
    .prepare(),
)
const endsAfter = prepared((db) =>
  db
    .select({ detail: journal.detail })
    .from(journal)
    .where(and(isEnd, isAfter))
    .orderBy(asc(journal.id))
    .prepare(),
)
const rows = prepared((db) => db.select({ n: count() }).from(journal).prepare())

/** The id of the newest entry; 0 when there is none. Ids only grow. */
export const newestJournalId = (db: Db): number => newestId(db).get()?.id ?? 0

/** The reasons of the streams that have ended since the entry of this id, in their order. */
export const streamEndsAfter = (db: Db, id: number): string[] =>
  endsAfter(db)
    .all({ id })
    .map(({ detail }) => String(detail.reason))

export const countJournal = (db: Db): number => rows(db).get()?.n ?? 0

/** Keeps the newest `keep` entries not older than `before`. */
export function pruneJournal(tx: Db, keep: number, before: number): void {
  const newest = tx.select({ id: journal.id }).from(journal).orderBy(desc(journal.id)).limit(1).get()?.id ?? 0
  tx.delete(journal)
    .where(lte(journal.id, newest - keep))
    .run()
  tx.delete(journal).where(lt(journal.at, before)).run()
}
