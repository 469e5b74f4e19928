import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { parseIsoTime } from './iso-time.ts'
import { json } from './json.ts'
import { InvalidProblem } from './problems.ts'
import { PageLimit, wrongTime } from './queries.ts'
import { type JournalEntry, JournalPage } from './schemas.ts'
import { Moment, Name, StreamId } from './texts.ts'

/** Which journal entries to list. A member that is left out does not restrict the list. */
export interface JournalQuery {
  /** A kind, or a group of kinds: the part before the dot. */
  kind?: string
  engine?: string
  stream?: string
  sinceMs?: number
  beforeId?: number
  limit: number
}

/** What this route needs. */
export interface JournalQueries {
  /** `next` is the id before which the next page begins; null on the last page. */
  list(query: JournalQuery): {
    readonly events: readonly Static<typeof JournalEntry>[]
    readonly next: number | null
  }
}

const DEFAULT_LIMIT = 100

const PageQuery = Type.Object({
  kind: Type.Optional(
    Type.String({
      pattern: '^[a-z]{1,50}(\\.[a-z_]{1,50})?$',
      'x-expected': 'a kind like stream.started, or a group of kinds like stream',
      description: 'A kind like `stream.started`, or a group of them like `stream`',
    }),
  ),
  engine: Type.Optional(Name('Engine id, container id or container name; also of the past')),
  stream: Type.Optional(StreamId('Stream id, percent-encoded')),
  since: Type.Optional(Moment('Only entries from this ISO 8601 time on')),
  limit: PageLimit(`1 to 1000 entries; ${DEFAULT_LIMIT} without it`),
  cursor: Type.Optional(
    Type.String({
      pattern: '^\\d{1,15}$',
      'x-expected': 'what `next` of the page before has',
      description: 'What `next` of the page before has',
    }),
  ),
})

export const journalRoutes = (journal: JournalQueries) =>
  new Elysia({ name: 'routes.journal', tags: ['journal'] }).get(
    '/events',
    ({ query }) => {
      const sinceMs = query.since === undefined ? undefined : parseIsoTime(query.since)
      if (sinceMs === null) return wrongTime('since')
      const { events, next } = journal.list(queryOf(query, sinceMs))
      return json(JSON.stringify({ events, next: next === null ? null : String(next) }))
    },
    {
      query: PageQuery,
      response: { 200: JournalPage, 422: InvalidProblem },
      detail: {
        operationId: 'listEvents',
        summary: 'Lists what happened, newest first, page by page.',
        description: 'Everything that was done to engines, streams and the fleet, each with the reason.',
      },
    },
  )

const queryOf = (
  { kind, engine, stream, limit, cursor }: Static<typeof PageQuery>,
  sinceMs: number | undefined,
): JournalQuery => ({
  ...(kind === undefined ? {} : { kind }),
  ...(engine === undefined ? {} : { engine }),
  ...(stream === undefined ? {} : { stream }),
  ...(sinceMs === undefined ? {} : { sinceMs }),
  ...(cursor === undefined ? {} : { beforeId: Number(cursor) }),
  limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
})
