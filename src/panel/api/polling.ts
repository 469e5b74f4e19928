import type { Api } from './api.ts'
import type { Engine, FeedEvent, JournalEntry, Snapshot, Status, Stream, Vpn } from './types.ts'

/** More than are written between two questions. */
const ENTRIES = 100

/** What the feed would tell, and the id of the newest entry in it, after which the feed can go on. */
interface Asked {
  readonly events: readonly FeedEvent[]
  readonly lastId: string | null
}

/** Asks for everything that the feed tells. Throws as `Api.get` does. */
export async function askedFor(api: Api, signal: AbortSignal): Promise<Asked> {
  const [data, journal] = await Promise.all([
    snapshotOf(api, signal),
    api.get<{ readonly events: readonly JournalEntry[] }>(`events?limit=${ENTRIES}`, signal),
  ])
  const entries = journal.events.map((entry): FeedEvent => ({ event: 'journal', data: entry }))
  const newest = journal.events[0]
  return {
    events: [{ event: 'snapshot', data }, ...entries],
    lastId: newest === undefined ? null : String(newest.id),
  }
}

async function snapshotOf(api: Api, signal: AbortSignal): Promise<Snapshot> {
  const [status, vpn, engines, streams] = await Promise.all([
    api.get<Status>('orchestrator/status', signal),
    api.get<Vpn>('vpn/status', signal),
    api.get<Engine[]>('engines?status=all', signal),
    api.get<Stream[]>('streams?status=started', signal),
  ])
  return { status, vpn, engines, streams }
}
