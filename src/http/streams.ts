import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { parseIsoTime } from './iso-time.ts'
import { json } from './json.ts'
import { InvalidProblem, invalid, Problem, problem } from './problems.ts'
import { StreamSample, StreamState } from './schemas.ts'

const StreamList = Type.Array(StreamState, { description: 'Streams, oldest first' })
const SampleList = Type.Array(StreamSample, { description: 'Samples, oldest first' })

/** What these routes need. */
export interface StreamQueries {
  listJson(filter: { status?: 'started' | 'ended'; containerId?: string }): string
  stats(streamId: string, sinceMs: number): Static<typeof SampleList> | null
}

export const streamRoutes = (streams: StreamQueries) =>
  new Elysia({ name: 'routes.streams', tags: ['streams'] })
    .get(
      '/streams',
      ({ query: { status, container_id } }) =>
        json(
          streams.listJson({
            ...(status === undefined ? {} : { status }),
            ...(container_id === undefined ? {} : { containerId: container_id }),
          }),
        ),
      {
        query: Type.Object({
          status: Type.Optional(Type.Union([Type.Literal('started'), Type.Literal('ended')])),
          container_id: Type.Optional(Type.String({ description: "Id of the engine's container" })),
        }),
        response: { 200: StreamList, 422: InvalidProblem },
        detail: {
          operationId: 'listStreams',
          summary: 'Lists the streams in the books, by status and engine.',
        },
      },
    )
    .get(
      '/streams/:id/stats',
      ({ params, query }) => {
        const sinceMs = query.since === undefined ? 0 : parseIsoTime(query.since)
        if (sinceMs === null) {
          return invalid([{ loc: ['query', 'since'], msg: 'not an ISO 8601 time', type: 'value_error' }])
        }
        const samples = streams.stats(params.id, sinceMs)
        return (
          samples ?? problem({ status: 404, code: 'stream_not_found', message: `no stream ${params.id}` })
        )
      },
      {
        params: Type.Object({ id: Type.String({ minLength: 1, description: 'Stream id, percent-encoded' }) }),
        query: Type.Object({
          since: Type.Optional(Type.String({ description: 'Only samples from this time on' })),
        }),
        response: { 200: SampleList, 404: Problem, 422: InvalidProblem },
        detail: { operationId: 'getStreamStats', summary: 'Lists the samples taken of one stream.' },
      },
    )
