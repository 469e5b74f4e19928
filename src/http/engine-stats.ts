import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { InvalidProblem, Problem, problem } from './problems.ts'
import { Name } from './texts.ts'
import { EngineStats, EngineUse } from './usage-schemas.ts'

const COLLECTED =
  'Nothing is asked for it: this is collected in the background, every 5 to 10 s while somebody asks, and ' +
  'every 30 s else; less often with more than 20 engines. `collected_at` says when.'

/** What these routes need. They wait for nothing. */
export interface UsageQueries {
  one(idOrName: string): Static<typeof EngineStats> | null
  all(): Static<typeof EngineUse>[]
}

export const engineStatsRoutes = (usage: UsageQueries) =>
  new Elysia({ name: 'routes.engine-stats', tags: ['engines'] })
    .get('/engines/stats', () => usage.all(), {
      response: {
        200: Type.Array(EngineUse, { description: 'What each live engine uses, the oldest first' }),
      },
      detail: {
        operationId: 'listEngineStats',
        summary: 'Tells what every live engine uses of processors and memory.',
        description: COLLECTED,
      },
    })
    .get(
      '/engines/:id/stats',
      ({ params }) =>
        usage.one(params.id) ??
        problem({ status: 404, code: 'engine_not_found', message: `no engine ${params.id}` }),
      {
        params: Type.Object({
          id: Name('Container id (whole, or 12 characters of it and more), name or engine id'),
        }),
        response: { 200: EngineStats, 404: Problem, 422: InvalidProblem },
        detail: {
          operationId: 'getEngineStats',
          summary: 'Tells what an engine uses: processor, memory, network and disks.',
          description: COLLECTED,
        },
      },
    )
