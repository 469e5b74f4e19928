import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { json } from './json.ts'
import { InvalidProblem, Problem, problem } from './problems.ts'
import { EngineState, StreamState } from './schemas.ts'

const EngineList = Type.Array(EngineState, { description: 'Engines' })
const EngineWithStreams = Type.Object(
  { engine: EngineState, streams: Type.Array(StreamState) },
  { description: 'An engine and its started streams' },
)

/** What these routes need. The lists come as JSON, rendered once per change of the state. */
export interface EngineQueries {
  listedJson(): Uint8Array<ArrayBuffer>
  allJson(): string
  one(idOrName: string): Static<typeof EngineWithStreams> | null
}

export const engineRoutes = (engines: EngineQueries) =>
  new Elysia({ name: 'routes.engines', tags: ['engines'] })
    .get('/engines', ({ query }) => json(query.status === 'all' ? engines.allJson() : engines.listedJson()), {
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
      },
    })
    .get(
      '/engines/:id',
      ({ params }) =>
        engines.one(params.id) ??
        problem({ status: 404, code: 'engine_not_found', message: `no engine ${params.id}` }),
      {
        params: Type.Object({
          id: Type.String({ minLength: 1, description: 'Container id, name or engine id' }),
        }),
        response: { 200: EngineWithStreams, 404: Problem, 422: InvalidProblem },
        detail: {
          operationId: 'getEngine',
          summary: 'Shows one engine, listed or not, and its started streams.',
        },
      },
    )
