import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Caller, CallerOf } from './callers.ts'
import { headersOf, type JsonOf, json, METRICS_TYPE } from './json.ts'
import { InvalidProblem, Problem } from './problems.ts'
import { answerOf, NullableText, Text } from './schemas.ts'
import { HealthStatusReport, OrchestratorStatus, VpnStatus } from './status-schemas.ts'

const Reset = Type.Object(
  { message: Text('What was reset, in a sentence') },
  { title: 'ResetBreakers', description: 'What was reset' },
)
const Ready = Type.Object(
  {
    status: Type.Union([Type.Literal('ready'), Type.Literal('degraded'), Type.Literal('not_ready')], {
      description:
        '`not_ready`: the engines are being looked for; `degraded`: the database takes no writes, or a proxy in front of Docker forbids what engines need',
    }),
    reason: NullableText('Why it is not `ready`; null if it is'),
  },
  {
    title: 'Readiness',
    description: 'Whether the engines are known; `degraded` while the database takes no writes',
  },
)
const Alive = Type.Object(
  { status: Type.Literal('ok', { description: 'Always `ok`' }) },
  { title: 'Liveness', description: 'The process answers' },
)
const Exposition = Type.String({ description: 'Prometheus text exposition' })

type Breaker = 'general' | 'replacement'

/** What these routes need. None of it waits for anything outside this process. */
export interface StatusQueries {
  orchestrator(caller: Caller): JsonOf<Static<typeof OrchestratorStatus>>
  vpn(): JsonOf<Static<typeof VpnStatus>>
  health(): JsonOf<Static<typeof HealthStatusReport>>
  resetBreakers(name: Breaker | null): string
  /** `not_ready` until the first full pass has succeeded; `degraded` while only reads are possible. */
  readiness(): Static<typeof Ready>
  metrics(): Promise<Blob>
}

export const statusRoutes = (status: StatusQueries, callerOf: CallerOf) =>
  new Elysia({ name: 'routes.status', tags: ['status'] })
    .get('/orchestrator/status', ({ request }) => json(status.orchestrator(callerOf(request))), {
      response: { 200: answerOf(OrchestratorStatus, 'The state of the fleet') },
      detail: {
        operationId: 'getStatus',
        summary: 'Tells whether an engine can be provisioned now, and if not, why and for how long.',
        description:
          'It also has the numbers of the fleet and all warnings. It is open even where reads need the key.',
      },
    })
    .get('/vpn/status', () => json(status.vpn()), {
      response: { 200: answerOf(VpnStatus, 'The state of the VPN') },
      detail: {
        operationId: 'getVpnStatus',
        summary: 'Tells how the VPN is, as far as it is known.',
        description: 'Nothing is asked for it; each node says when it was last looked at.',
      },
    })
    .get('/health/status', () => json(status.health()), {
      response: { 200: answerOf(HealthStatusReport, 'The health of the engines') },
      detail: {
        operationId: 'getHealth',
        summary: 'Tells the verdict on every engine and the circuit breakers.',
        description: 'Nothing is asked for it; each engine says when it was last probed.',
      },
    })
    .post(
      '/health/circuit-breaker/reset',
      ({ query }) => ({ message: status.resetBreakers(query.operation_type ?? null) }),
      {
        query: Type.Object({
          operation_type: Type.Optional(
            Type.Union([Type.Literal('general'), Type.Literal('replacement')], {
              description: 'The breaker to close; both without it',
            }),
          ),
        }),
        response: { 200: Reset, 401: Problem, 403: Problem, 422: InvalidProblem, 503: Problem },
        detail: {
          operationId: 'resetBreakers',
          summary: 'Closes one circuit breaker, or both.',
          description: 'Starts are tried again at once.',
        },
      },
    )
    .get('/metrics', async () => new Response(await status.metrics(), METRICS), {
      response: { 200: Exposition },
      detail: {
        operationId: 'getMetrics',
        summary: 'Gives the figures of this moment to Prometheus.',
        description: 'A scrape asks nobody and writes nothing.',
      },
    })

/** The two probes of a container platform. They are not a part of the API. */
export const probeRoutes = (status: Pick<StatusQueries, 'readiness'>) =>
  new Elysia({ name: 'routes.probes', tags: ['status'] })
    .get('/healthz', () => ({ status: 'ok' as const }), {
      response: { 200: Alive },
      detail: {
        operationId: 'isAlive',
        summary: 'Answers as long as the process lives.',
        description: 'Restart the process if this does not answer. For traffic and alerts use `/readyz`.',
      },
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
          description:
            'While the database takes no writes it answers 200 with `degraded`, because reads work.',
        },
      },
    )

const METRICS = { headers: headersOf(METRICS_TYPE) }
