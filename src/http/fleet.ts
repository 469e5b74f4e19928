import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type JsonOf, json } from './json.ts'
import { InvalidProblem, Problem } from './problems.ts'
import { answerOf } from './schemas.ts'
import { Passed, PlanReport, Scaled, Unscaled } from './status-schemas.ts'

const Planned = answerOf(PlanReport, 'What would be done now; nothing is done by asking')

/** A text with a pattern, because Elysia's own integers lose the name of the field if they are out of range. */
const Demand = Type.String({
  pattern: '^\\d{1,6}$',
  description: 'Engines to keep: a whole number from 0',
  'x-expected': 'a whole number from 0 to 999999',
  'x-shown': { type: 'integer', minimum: 0, maximum: 999_999 },
})

/** What these routes need. `pass` throws errors that `problems` translates. */
export interface Fleet {
  /** Sets how many engines are kept, and returns that number after the limits are applied. */
  scale(requested: number): number
  /** Undoes that. */
  unscale(): { readonly isUndone: boolean; readonly replicas: number }
  pass(): Promise<Omit<Static<typeof Passed>, 'status'>>
  plan(): JsonOf<Static<typeof Planned>>
}

export const fleetRoutes = (fleet: Fleet) =>
  new Elysia({ name: 'routes.fleet', tags: ['fleet'] })
    .get('/orchestrator/plan', () => json(fleet.plan()), {
      response: { 200: Planned },
      detail: {
        operationId: 'getPlan',
        summary: 'Tells what the reconciler would do at this moment, and why; a dry run.',
        description: 'The answer also says what is wanted and not done now, with the reason for the wait.',
      },
    })
    .post(
      '/scale/:demand',
      ({ params }) => {
        const requested = Number(params.demand)
        return { scaled_to: fleet.scale(requested), requested }
      },
      {
        params: Type.Object({ demand: Demand }),
        response: { 200: Scaled, 401: Problem, 403: Problem, 422: InvalidProblem, 503: Problem },
        detail: {
          operationId: 'scale',
          summary:
            'Sets how many engines are kept in place of MIN_REPLICAS; idle ones beyond it are drained.',
          description:
            'It holds until the next call, DELETE /scale, or a start with another MIN_REPLICAS. Engines with viewers stay.',
        },
      },
    )
    .delete(
      '/scale',
      () => {
        const { isUndone, replicas } = fleet.unscale()
        return { updated: isUndone, min_replicas: replicas }
      },
      {
        response: { 200: Unscaled, 401: Problem, 403: Problem, 503: Problem },
        detail: {
          operationId: 'unscale',
          summary: 'Undoes POST /scale/{demand}, so that MIN_REPLICAS holds again.',
          description: 'It changes nothing if there is nothing to undo.',
        },
      },
    )
    .post('/gc', async () => ({ status: 'ok' as const, ...(await fleet.pass()) }), {
      response: { 200: Passed, 401: Problem, 403: Problem, 503: Problem },
      detail: {
        operationId: 'collectGarbage',
        summary: 'Looks at everything now, and clears away what nothing needs.',
        description:
          'The same full pass happens by itself every MONITOR_INTERVAL_S. It ends no engine with viewers.',
      },
    })
