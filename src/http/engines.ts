import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Caller, CallerOf } from './callers.ts'
import { json } from './json.ts'
import { InvalidProblem, Problem, problem } from './problems.ts'
import { EngineState, StreamState } from './schemas.ts'
import { Name } from './texts.ts'

const EngineList = Type.Array(EngineState, { description: 'Engines' })
const EngineWithStreams = Type.Object(
  { engine: EngineState, streams: Type.Array(StreamState, { description: 'Its started streams' }) },
  { title: 'EngineWithStreams', description: 'An engine and its started streams' },
)

const Id = Type.Object({
  id: Name('Container id (whole, or 12 characters of it and more), name or engine id'),
})

/**
 * What these routes need. The lists are JSON that is rendered once per change of the state.
 */
export interface EngineQueries {
  listedJson(caller: Caller): Blob
  allJson(): string
  one(idOrName: string): Static<typeof EngineWithStreams> | null
}

/** What an operator may do with one engine. Its functions throw errors that `problems` translates. */
export interface EngineOperations {
  drain(idOrName: string): Static<typeof EngineWithStreams>
}

export const engineRoutes = (engines: EngineQueries, operations: EngineOperations, callerOf: CallerOf) =>
  new Elysia({ name: 'routes.engines', tags: ['engines'] })
    .get(
      '/engines',
      ({ query, request }) =>
        json(query.status === 'all' ? engines.allJson() : engines.listedJson(callerOf(request))),
      {
        query: Type.Object({
          status: Type.Optional(
            Type.Literal('all', { description: 'Also the hidden ones, with the reason why they are hidden' }),
          ),
        }),
        response: { 200: EngineList, 422: InvalidProblem },
        detail: {
          operationId: 'listEngines',
          summary:
            'Lists the engines that a proxy may use, healthy ones first; equals rotate from call to call.',
          description:
            'A proxy may use every engine of the list. An engine that is about to get a stream is shown as the one used last, so that the next viewer takes another.',
        },
      },
    )
    .get(
      '/engines/:id',
      ({ params }) =>
        engines.one(params.id) ??
        problem({ status: 404, code: 'engine_not_found', message: `no engine ${params.id}` }),
      {
        params: Id,
        response: { 200: EngineWithStreams, 404: Problem, 422: InvalidProblem },
        detail: {
          operationId: 'getEngine',
          summary: 'Shows one engine, listed or not, and its started streams.',
          description: 'An engine of the past is not found; `GET /events` tells what happened to it.',
        },
      },
    )
    .post('/engines/:id/drain', ({ params }) => operations.drain(params.id), {
      params: Id,
      response: {
        200: EngineWithStreams,
        401: Problem,
        403: Problem,
        404: Problem,
        409: Problem,
        422: InvalidProblem,
        503: Problem,
      },
      detail: {
        operationId: 'drainEngine',
        summary: 'Hides an engine at once and removes it when its streams have ended.',
        description: 'No proxy is told of it any more. Its viewers keep watching.',
      },
    })
