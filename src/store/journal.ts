import { and, asc, count, desc, eq, gt, inArray, lt, lte, sql } from 'drizzle-orm'
import { prepared } from './prepared.ts'
import { PRUNE_BATCH } from './prune.ts'
import { engines, journal } from './schema.ts'
import type { Db } from './store.ts'

/** Kinds of journal entries. An entry is written in the transaction that made the change, and is never altered. */
export const JOURNAL_KINDS = [
  'provision.started',
  'provision.renamed',
  'provision.port_refused',
  'provision.completed',
  'provision.failed',
  'provision.unknown',
  'engine.handed_out',
  'engine.unclaimed',
  'engine.spare',
  'engine.ready',
  'engine.stopped',
  'engine.started',
  'engine.adopted',
  'engine.renamed',
  'engine.draining',
  'engine.recalled',
  'engine.replacing',
  'engine.revived',
  'engine.restarting',
  'engine.recreating',
  'engine.outside_vpn',
  'engine.quiet',
  'engine.cache_cleaned',
  'engine.removal_requested',
  'engine.failed',
  'engine.gone',
  'container.reaped',
  'stream.started',
  'stream.failed',
  'stream.ended',
  'fleet.scaled',
  'fleet.scale_undone',
  'storage.recovered',
  'fleet.taken_over',
  'image.pulling',
  'image.pulled',
  'image.pull_failed',
  'breaker.opened',
  'breaker.closed',
  'vpn.up',
  'vpn.down',
  'vpn.unknown',
  'vpn.reconnected',
  'vpn.port_changed',
] as const
type JournalKind = (typeof JOURNAL_KINDS)[number]

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
const endsAfter = prepared((db) =>
  db
    .select({ detail: journal.detail })
    .from(journal)
    .where(and(isEnd, isAfter))
    .orderBy(asc(journal.id))
    .prepare(),
)
const rows = prepared((db) => db.select({ n: count() }).from(journal).prepare())

/** The end reasons of the streams that ended after the entry with this id, in order. */
export const streamEndsAfter = (db: Db, id: number): string[] =>
  endsAfter(db)
    .all({ id })
    .map(({ detail }) => String(detail.reason))

export const countJournal = (db: Db): number => rows(db).get()?.n ?? 0

/**
 * A journal entry with the present container id and name of its engine. Both are null if the entry has no engine or the
 * engine's row was pruned.
 */
export interface JournalRow {
  readonly id: number
  readonly at: number
  readonly kind: string
  readonly engineId: string | null
  readonly containerId: string | null
  readonly containerName: string | null
  readonly streamId: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

/** The query for journal entries, without a condition. */
export const journalRows = (db: Db) =>
  db
    .select({
      id: journal.id,
      at: journal.at,
      kind: journal.kind,
      engineId: journal.engineId,
      containerId: engines.containerId,
      containerName: engines.name,
      streamId: journal.streamId,
      detail: journal.detail,
    })
    .from(journal)
    .leftJoin(engines, eq(engines.id, journal.engineId))

const after = prepared((db) =>
  journalRows(db)
    .where(gt(journal.id, sql.placeholder('afterId')))
    .orderBy(asc(journal.id))
    .limit(sql.placeholder('limit'))
    .prepare(),
)

/** The first `limit` entries after the entry with this id, oldest first. */
export const journalAfter = (db: Db, afterId: number, limit: number): JournalRow[] =>
  after(db).all({ afterId, limit })

const lastId = prepared((db) =>
  db.select({ seq: sql<number>`seq` }).from(sql`sqlite_sequence`).where(sql`name = 'journal'`).prepare(),
)

/** The id of the newest entry ever written, whether or not it was pruned since; 0 before the first. */
export const lastJournalId = (db: Db): number => lastId(db).get()?.seq ?? 0

/** Keeps the newest `keep` entries that are not older than `before`. Returns whether there may be more to delete. */
export function pruneJournal(tx: Db, keep: number, before: number): boolean {
  const newest = tx.select({ id: journal.id }).from(journal).orderBy(desc(journal.id)).limit(1).get()?.id ?? 0
  const isFull = [lte(journal.id, newest - keep), lt(journal.at, before)].map((isSurplus) => {
    const surplus = tx.select({ id: journal.id }).from(journal).where(isSurplus).limit(PRUNE_BATCH)
    const gone = tx.delete(journal).where(inArray(journal.id, surplus)).returning({ id: journal.id }).all()
    return gone.length === PRUNE_BATCH
  })
  return isFull.includes(true)
}
