import { type Static, Type } from '@sinclair/typebox'
import { Id, mayLack, orNull, readerOf, Texts } from './docker-answers.ts'

/*
 * The shapes of a swarm's answers, as far as we read them, of Docker 20.10 to 28. What is not read of a service's
 * specification stays in the object, because an update has to send all of it back.
 */

const Port = Type.Object({
  Protocol: mayLack(Type.String()),
  TargetPort: Type.Integer(),
  PublishedPort: Type.Optional(Type.Integer()),
  PublishMode: Type.Optional(Type.String()),
})

const Spec = Type.Object({
  Name: Type.String(),
  Labels: mayLack(Texts),
  TaskTemplate: Type.Object({
    ContainerSpec: mayLack(
      Type.Object({ Image: Type.String(), Labels: mayLack(Texts), Env: mayLack(Type.Array(Type.String())) }),
    ),
    Placement: mayLack(Type.Object({ Constraints: mayLack(Type.Array(Type.String())) })),
    RestartPolicy: mayLack(Type.Object({ Condition: Type.Optional(Type.String()) })),
  }),
  Mode: Type.Object({
    Replicated: mayLack(Type.Object({ Replicas: Type.Optional(Type.Integer({ minimum: 0 })) })),
  }),
  EndpointSpec: mayLack(Type.Object({ Ports: mayLack(Type.Array(Port)) })),
})

const Service = Type.Object({
  ID: Id,
  Version: Type.Object({ Index: Type.Integer() }),
  CreatedAt: Type.String(),
  Spec,
})

const Attachment = Type.Object({
  Network: Type.Object({
    Spec: mayLack(Type.Object({ Name: Type.Optional(Type.String()), Ingress: mayLack(Type.Boolean()) })),
  }),
  /** Each with the length of its prefix, such as `10.0.1.2/24`. */
  Addresses: mayLack(Type.Array(Type.String())),
})

const Task = Type.Object({
  ID: Id,
  CreatedAt: Type.String(),
  ServiceID: Type.String(),
  /** Empty or missing until the task is put on a node. */
  NodeID: Type.Optional(Type.String()),
  DesiredState: Type.String(),
  Status: Type.Object({
    Timestamp: Type.String(),
    State: Type.String(),
    Message: Type.Optional(Type.String()),
    /** Why it is where it is: the words of the scheduler, or of the node's Docker Engine. */
    Err: Type.Optional(Type.String()),
    ContainerStatus: mayLack(Type.Object({ ExitCode: Type.Optional(Type.Integer()) })),
  }),
  NetworksAttachments: mayLack(Type.Array(Attachment)),
})

const Node = Type.Object({
  ID: Id,
  Spec: Type.Object({ Labels: mayLack(Texts), Role: Type.String(), Availability: Type.String() }),
  Description: Type.Object({
    Hostname: Type.Optional(Type.String()),
    Platform: mayLack(
      Type.Object({ Architecture: Type.Optional(Type.String()), OS: Type.Optional(Type.String()) }),
    ),
  }),
  Status: Type.Object({ State: Type.String(), Addr: Type.Optional(Type.String()) }),
  ManagerStatus: mayLack(Type.Object({ Addr: Type.Optional(Type.String()) })),
})

const Distribution = Type.Object({
  Descriptor: Type.Object({ digest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }) }),
  Platforms: mayLack(
    Type.Array(
      Type.Object({
        architecture: Type.Optional(Type.String()),
        os: Type.Optional(Type.String()),
        variant: Type.Optional(Type.String()),
      }),
    ),
  ),
})

export type SwarmService = Static<typeof Service>
export type ServiceSpec = Static<typeof Spec>
export type SwarmTask = Static<typeof Task>
export type SwarmNode = Static<typeof Node>

/** Reads the answer to `POST /services/create`. */
export const readCreated = readerOf('the id of a service', Type.Object({ ID: Id }))
/** Reads the answer to `POST /services/{id}/update`. */
export const readUpdated = readerOf(
  'the answer to an update',
  orNull(Type.Object({ Warnings: mayLack(Type.Array(Type.String())) })),
)
/** Reads the answer to `GET /services/{id}`. */
export const readService = readerOf('a service', Service)
/** Reads the answer to `GET /services`. */
export const readServices = readerOf('a list of services', Type.Array(Service))
/** Reads the answer to `GET /tasks/{id}`. */
export const readTask = readerOf('a task', Task)
/** Reads the answer to `GET /tasks`. */
export const readTasks = readerOf('a list of tasks', Type.Array(Task))
/** Reads the answer to `GET /nodes`. */
export const readNodes = readerOf('a list of nodes', Type.Array(Node))
/** Reads the answer to `GET /distribution/{name}/json`. */
export const readDistribution = readerOf('an image of a registry', Distribution)
/** Reads the answer to `GET /info`, of which only the own node matters. */
export const readOwnNode = readerOf(
  'information about the swarm',
  Type.Object({ Swarm: mayLack(Type.Object({ NodeID: Type.Optional(Type.String()) })) }),
)
