import type { Frame } from '../../core/feed/backlog.ts'
import type { JournalRow } from '../../store/journal.ts'
import { entryView } from '../views/journal-views.ts'

/*
 * The messages of the feed, in the form of server-sent events. JSON text has no line breaks, so one line of data is enough
 * for each.
 */

/** Why a subscriber does not get some journal entries. */
export interface Missed {
  /**
   * `slow`: it read too slowly. `pruned`: the entries are no longer kept. `unknown_id`: it gave an id that is not one of
   * ours.
   */
  readonly reason: 'slow' | 'pruned' | 'unknown_id'
  /** The first and the last of the missed entries; null if their ids are not known, or if only state changes were missed. */
  readonly from: number | null
  readonly to: number | null
}

const encoder = new TextEncoder()

const frame = (text: string, journalId: number | null = null): Frame => ({
  bytes: encoder.encode(`${text}\n\n`),
  journalId,
})

/** How long a client waits before it reconnects. */
const RETRY_MS = 2_000

/** The first frame of every answer. */
export const retryFrame = frame(`retry: ${RETRY_MS}`)

/** Keeps a quiet connection open. */
export const heartbeatFrame = frame(': heartbeat')

export const journalFrame = (row: JournalRow): Frame =>
  frame(`id: ${row.id}\nevent: journal\ndata: ${JSON.stringify(entryView(row))}`, row.id)

/** The frame of a record's state. `id` begins with the id of the newest journal entry before it. */
export const stateFrame = (event: string, id: string, json: string): Frame =>
  frame(`id: ${id}\nevent: ${event}\ndata: ${json}`)

/** This frame has no id: a client that is cut off here asks for the same entries again. */
export const missedFrame = (missed: Missed): Frame => frame(`event: missed\ndata: ${JSON.stringify(missed)}`)
