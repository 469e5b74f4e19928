import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Caller, CallerOf } from './callers.ts'
import { InvalidProblem, Problem } from './problems.ts'
import { answerOf, EngineProvisioned, Nullable, RequestHeaders, RequestPort, Text } from './schemas.ts'
import { RequestEnvironment, RequestLabels } from './text-maps.ts'
import { ImageName, Name } from './texts.ts'

const Image = ImageName('An image of this Docker host; it is not pulled')

const EngineBody = Type.Object(
  {
    image: Type.Optional(Nullable(Image)),
    labels: Type.Optional(RequestLabels),
    env: Type.Optional(RequestEnvironment),
    host_port: Type.Optional(Nullable(RequestPort, 'Port of the host for its HTTP interface')),
  },
  { title: 'EngineRequest', description: 'What the engine shall be like; all members may be missing' },
)

const GenericBody = Type.Object(
  {
    image: Type.Optional(Nullable(Image)),
    env: Type.Optional(RequestEnvironment),
    labels: Type.Optional(RequestLabels),
    ports: Type.Optional(
      Type.Record(Type.String(), RequestPort, {
        description: 'Container port, with /tcp or /udp, to host port; at most 16',
      }),
    ),
    name_prefix: Type.Optional(
      Type.String({
        pattern: '^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,40}$',
        description: "Begin of the container's name; `svc` without it",
      }),
    ),
  },
  { title: 'ContainerRequest', description: 'What the container shall be like; all members may be missing' },
)

const GenericProvisioned = Type.Object(
  { container_id: Text('Id of the container'), container_name: Text('Name of the container') },
  { title: 'ProvisionedContainer', description: 'The started container' },
)
const Provisioned = answerOf(EngineProvisioned, 'The engine runs and is listed by the next GET /engines')

/** What these routes need. Both functions throw errors that `problems` translates. */
export interface Provisioning {
  engine(
    request: {
      image: string | null
      labels: Record<string, string>
      env: Record<string, string>
      hostPort: number | null
    },
    idempotencyKey: string | null,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Static<typeof EngineProvisioned>>
  generic(
    request: {
      image: string | null
      labels: Record<string, string>
      env: Record<string, string>
      ports: Record<string, number>
      namePrefix: string
    },
    caller: Caller,
  ): Promise<Static<typeof GenericProvisioned>>
}

const REFUSALS = {
  401: Problem,
  403: Problem,
  413: Problem,
  422: InvalidProblem,
  429: Problem,
  500: Problem,
  503: Problem,
}

export const provisionRoutes = (provisioning: Provisioning, callerOf: CallerOf) =>
  new Elysia({ name: 'routes.provision', tags: ['provisioning'] })
    .post(
      '/provision/acestream',
      ({ body, headers, request }) =>
        provisioning.engine(
          {
            image: body.image ?? null,
            labels: body.labels ?? {},
            env: body.env ?? {},
            hostPort: body.host_port ?? null,
          },
          headers['idempotency-key'] ?? null,
          callerOf(request),
          request.signal,
        ),
      {
        body: EngineBody,
        headers: RequestHeaders({
          'idempotency-key': Type.Optional(Name('Makes a repetition safe for 24 hours')),
        }),
        response: { 200: Provisioned, ...REFUSALS },
        detail: {
          operationId: 'provisionEngine',
          summary: 'Starts an engine; when this answers 200, the next GET /engines lists it.',
          description:
            'A caller that gave up finds its engine by an equal request: it is kept for some time. At the maximum the answer may be an engine that has become free.',
        },
      },
    )
    .post(
      '/provision',
      ({ body, request }) =>
        provisioning.generic(
          {
            image: body.image ?? null,
            labels: body.labels ?? {},
            env: body.env ?? {},
            ports: body.ports ?? {},
            namePrefix: body.name_prefix ?? 'svc',
          },
          callerOf(request),
        ),
      {
        body: GenericBody,
        response: { 200: GenericProvisioned, ...REFUSALS },
        detail: {
          operationId: 'provisionContainer',
          summary: 'Starts a container that is no engine; /by-label and /containers/{id} know it.',
          description: 'Roundhouse never removes it by itself.',
        },
      },
    )
