import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Caller, CallerOf } from './callers.ts'
import { parseIsoTime } from './iso-time.ts'
import { json } from './json.ts'
import { InvalidProblem, Problem, problem } from './problems.ts'
import { PageLimit, wrongQuery, wrongTime } from './queries.ts'
import { answerOf, Stopped, StreamSample, StreamState } from './schemas.ts'
import { pathOf, searchOf } from './target.ts'
import { Moment, StreamId, Word } from './texts.ts'

const StreamList = Type.Array(StreamState, { description: 'Streams, oldest first' })
const SampleList = Type.Array(StreamSample, { description: 'Samples, oldest first' })
const OneStream = answerOf(StreamState, 'The newest stream of this id')

/** Which streams to list. `before` is the number of a record, or a time. */
export interface StreamQuery {
  status?: 'started' | 'ended'
  containerId?: string
  limit?: number
  before?: { record: number } | { atMs: number }
}

/** What these routes need. */
export interface StreamQueries {
  /** `next` is the number of the record before which the next page ends; null if there are no older records. */
  list(query: StreamQuery, caller: Caller): { readonly json: string | Blob; readonly next: number | null }
  one(streamId: string): Static<typeof StreamState> | null
  stats(streamId: string, sinceMs: number): Static<typeof SampleList> | undefined
}

/** What an operator may do with a stream. Its functions throw errors that `problems` translates. */
export interface StreamOperations {
  stop(streamId: string): Promise<Static<typeof Stopped>>
}

const Id = Type.Object({ id: StreamId('Stream id, percent-encoded') })

const ListQuery = Type.Object({
  status: Type.Optional(
    Type.Union([Type.Literal('started'), Type.Literal('ended')], {
      description: 'Only streams of this status',
    }),
  ),
  container_id: Type.Optional(Word("Id of the engine's container")),
  limit: PageLimit(
    'The newest so many, 1 to 1000; without it all started ones and the 500 newest ended ones',
  ),
  before: Type.Optional(Moment('Only records older than this one (`record`), or begun before this time')),
})

export const streamRoutes = (streams: StreamQueries, operations: StreamOperations, callerOf: CallerOf) =>
  new Elysia({ name: 'routes.streams', tags: ['streams'] })
    .get(
      '/streams',
      ({ query, request }) => {
        const before = query.before === undefined ? undefined : cursorOf(query.before)
        if (before === null)
          return wrongQuery('before', 'neither the number of a record nor an ISO 8601 time')
        const page = streams.list(queryOf(query, before), callerOf(request))
        const answer = json(page.json)
        if (page.next !== null) answer.headers.set('link', nextLink(request.url, page.next))
        return answer
      },
      {
        query: ListQuery,
        response: { 200: StreamList, 422: InvalidProblem },
        detail: {
          operationId: 'listStreams',
          summary: 'Lists the streams in the books; a page with more before it has a Link to them.',
          description:
            'Proxies ask this for the started streams of each engine before they choose one. The header `Link` with rel="next" leads to older streams.',
        },
      },
    )
    .get('/streams/:id', ({ params }) => streams.one(params.id) ?? unknown(params.id), {
      params: Id,
      response: { 200: OneStream, 404: Problem, 422: InvalidProblem },
      detail: {
        operationId: 'getStream',
        summary: 'Shows the newest stream of this id.',
        description: 'An id may have several records, one for each time that it was started.',
      },
    })
    .delete('/streams/:id', ({ params }) => operations.stop(params.id), {
      params: Id,
      response: { 200: Stopped, 401: Problem, 403: Problem, 404: Problem, 422: InvalidProblem, 503: Problem },
      detail: {
        operationId: 'stopStream',
        summary: 'Stops the session at its engine and ends the stream in the books.',
        description: 'The viewer loses the stream. A stream that had ended before is left as it is.',
      },
    })
    .get(
      '/streams/:id/stats',
      ({ params, query }) => {
        const sinceMs = query.since === undefined ? 0 : parseIsoTime(query.since)
        if (sinceMs === null) return wrongTime('since')
        return streams.stats(params.id, sinceMs) ?? unknown(params.id)
      },
      {
        params: Id,
        query: Type.Object({
          since: Type.Optional(Moment('Only samples from this time on')),
        }),
        response: { 200: SampleList, 404: Problem, 422: InvalidProblem },
        detail: {
          operationId: 'getStreamStats',
          summary: 'Lists the samples taken of one stream.',
          description:
            'They are what its engine said about the session from time to time, of the newest record of this id.',
        },
      },
    )

type Query = Static<typeof ListQuery>

const queryOf = ({ status, container_id, limit }: Query, before: StreamQuery['before']): StreamQuery => ({
  ...(status === undefined ? {} : { status }),
  ...(container_id === undefined ? {} : { containerId: container_id }),
  ...(limit === undefined ? {} : { limit: Number(limit) }),
  ...(before === undefined ? {} : { before }),
})

/** Reads `before`; null if it is neither the number of a record nor a time. */
function cursorOf(text: string): NonNullable<StreamQuery['before']> | null {
  if (/^\d{1,15}$/.test(text)) return { record: Number(text) }
  const atMs = parseIsoTime(text)
  return atMs === null ? null : { atMs }
}

function nextLink(url: string, record: number): string {
  const query = searchOf(url)
  query.set('before', String(record))
  return `<${pathOf(url)}?${query}>; rel="next"`
}

const unknown = (id: string): Response =>
  problem({ status: 404, code: 'stream_not_found', message: `no stream ${id}` })
