import { JOURNAL_KINDS, type JournalRow } from '../../store/journal.ts'
import { engineIdsOf, type JournalFilter, journalWhere } from '../../store/journal-pages.ts'
import type { Store } from '../../store/store.ts'
import { iso } from './iso.ts'

/** Which journal entries are wanted. A field that is left out does not restrict them. */
export interface JournalQuery {
  /** A kind, or the part of a kind before its dot. */
  readonly kind?: string
  /** An engine's id, its container's id (12 characters are enough) or its container's name. */
  readonly engine?: string
  readonly stream?: string
  readonly sinceMs?: number
  readonly beforeId?: number
  readonly limit: number
}

/** The answers about the journal. */
export class JournalViews {
  constructor(private readonly deps: { readonly store: Store }) {}

  /** The newest matching entries, newest first. The next page begins before the entry `next`; null on the last page. */
  list(query: JournalQuery) {
    const { db } = this.deps.store
    const { kind, engine, stream, sinceMs, beforeId, limit } = query
    const filter: JournalFilter = {
      ...(kind === undefined ? {} : { kinds: kindsOf(kind) }),
      ...(engine === undefined ? {} : { engineIds: engineIdsOf(db, engine) }),
      ...(stream === undefined ? {} : { streamId: stream }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(beforeId === undefined ? {} : { beforeId }),
    }
    const found = journalWhere(db, filter, limit + 1)
    const events = found.slice(0, limit).map(entryView)
    return { events, next: found.length > limit ? (events.at(-1)?.id ?? null) : null }
  }
}

const kindsOf = (kind: string): readonly string[] =>
  kind.includes('.') ? [kind] : JOURNAL_KINDS.filter((each) => each.startsWith(`${kind}.`))

/** One journal entry as the API shows it. */
export const entryView = (row: JournalRow) => ({
  id: row.id,
  at: iso(row.at),
  kind: row.kind,
  engine_id: row.engineId,
  container_id: row.containerId,
  container_name: row.containerName,
  stream_id: row.streamId,
  detail: row.detail,
})
