import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { InvalidProblem, Problem } from './problems.ts'
import { HealthStatusReport, OrchestratorStatus, VpnStatus } from './schemas.ts'

const describe = <Schema extends typeof OrchestratorStatus | typeof VpnStatus | typeof HealthStatusReport>(
  schema: Schema,
  description: string,
): Schema => ({ ...schema, description })

const Reset = Type.Object({ message: Type.String() }, { description: 'What was reset' })
const Ready = Type.Object(
  {
    status: Type.Union([Type.Literal('ready'), Type.Literal('degraded'), Type.Literal('not_ready')]),
    reason: Type.Union([Type.String(), Type.Null()]),
  },
  { description: 'Whether the engines are known; `degraded` while the database takes no writes' },
)
const Alive = Type.Object({ status: Type.Literal('ok') }, { description: 'The process answers' })
const Exposition = Type.String({ description: 'Prometheus text exposition' })

type Breaker = 'general' | 'replacement'

/** What these routes need. None of it waits for anything outside this process. */
export interface StatusQueries {
  orchestrator(): Static<typeof OrchestratorStatus>
  vpn(): Static<typeof VpnStatus>
  health(): Static<typeof HealthStatusReport>
  resetBreakers(name: Breaker | null): string
  /** `not_ready` until the first full pass has succeeded; `degraded` while only reads are possible. */
  readiness(): Static<typeof Ready>
  metrics(): Promise<string>
}

export const statusRoutes = (status: StatusQueries) =>
  new Elysia({ name: 'routes.status', tags: ['status'] })
    .get('/orchestrator/status', () => status.orchestrator(), {
      response: { 200: describe(OrchestratorStatus, 'The state of the fleet') },
      detail: {
        operationId: 'getStatus',
        summary: 'Tells whether an engine can be provisioned now, and if not, why and for how long.',
      },
    })
    .get('/vpn/status', () => status.vpn(), {
      response: { 200: describe(VpnStatus, 'The state of the VPN') },
      detail: { operationId: 'getVpnStatus', summary: 'Tells how the VPN is, as far as it is known.' },
    })
    .get('/health/status', () => status.health(), {
      response: { 200: describe(HealthStatusReport, 'The health of the engines') },
      detail: {
        operationId: 'getHealth',
        summary: 'Tells the verdict on every engine and the circuit breakers.',
      },
    })
    .post(
      '/health/circuit-breaker/reset',
      ({ query }) => ({ message: status.resetBreakers(query.operation_type ?? null) }),
      {
        query: Type.Object({
          operation_type: Type.Optional(
            Type.Union([Type.Literal('general'), Type.Literal('replacement')], {
              description: 'Both without it',
            }),
          ),
        }),
        response: { 200: Reset, 401: Problem, 403: Problem, 422: InvalidProblem },
        detail: { operationId: 'resetBreakers', summary: 'Closes one circuit breaker, or both.' },
      },
    )
    .get('/metrics', async () => new Response(await status.metrics(), { headers: PROMETHEUS }), {
      response: { 200: Exposition },
      detail: { operationId: 'getMetrics', summary: 'Gives the figures of this moment to Prometheus.' },
    })

/** The two probes of a container platform. They are not a part of the API. */
export const probeRoutes = (status: Pick<StatusQueries, 'readiness'>) =>
  new Elysia({ name: 'routes.probes', tags: ['status'] })
    .get('/healthz', () => ({ status: 'ok' as const }), {
      response: { 200: Alive },
      detail: { operationId: 'isAlive', summary: 'Answers as long as the process lives.' },
    })
    .get(
      '/readyz',
      ({ status: answer }) => {
        const readiness = status.readiness()
        return readiness.status === 'not_ready' ? answer(503, readiness) : answer(200, readiness)
      },
      {
        response: { 200: Ready, 503: Ready },
        detail: {
          operationId: 'isReady',
          summary: 'Answers 503 until all engines have been found after a start.',
        },
      },
    )

const PROMETHEUS = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }
