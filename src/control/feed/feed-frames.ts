import type { Frame } from '../../core/feed/backlog.ts'
import type { JournalRow } from '../../store/journal.ts'
import { entryView } from '../views/journal-views.ts'

/*
 * The words of the feed, in the form of server-sent events. JSON text has no line break in it, so one line of data is
 * enough for each.
 */

/** Why a reader does not get entries of the journal. */
export interface Missed {
  /** It read too slowly; they are not kept any more; the id that it gave is not one of ours. */
  readonly reason: 'slow' | 'pruned' | 'unknown_id'
  /** The first and the last of them; null when only changes of state were missed. */
  readonly from: number | null
  readonly to: number | null
}

const encoder = new TextEncoder()

const frame = (text: string, journalId: number | null = null): Frame => ({
  bytes: encoder.encode(`${text}\n\n`),
  journalId,
})

/** How long a client waits before it connects again. */
const RETRY_MS = 2_000

/** What begins every answer. */
export const retryFrame = frame(`retry: ${RETRY_MS}`)

/** Keeps a quiet connection open. */
export const heartbeatFrame = frame(': heartbeat')

export const journalFrame = (row: JournalRow): Frame =>
  frame(`id: ${row.id}\nevent: journal\ndata: ${JSON.stringify(entryView(row))}`, row.id)

/** `id` begins with the newest entry that was told before. */
export const stateFrame = (event: string, id: string, json: string): Frame =>
  frame(`id: ${id}\nevent: ${event}\ndata: ${json}`)

/** Without an id: who is cut off here asks for the same again. */
export const missedFrame = (missed: Missed): Frame => frame(`event: missed\ndata: ${JSON.stringify(missed)}`)
