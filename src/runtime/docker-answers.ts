import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { NotDockers } from './docker-failures.ts'

/*
 * The shapes of Docker's answers, as far as we read them. They fit Docker 20.10 to 28 and Podman, which leave out empty
 * members or write null for them. An answer from DOCKER_HOST is not trusted until it has been checked: each reader returns
 * the answer, or throws NotDockers.
 */

/** What Docker may leave empty, and what it may leave out as well. */
export const orNull = <Inner extends TSchema>(inner: Inner) => Type.Union([inner, Type.Null()])
export const mayLack = <Inner extends TSchema>(inner: Inner) => Type.Optional(orNull(inner))

/** Ids go into the path of requests, so a text that cannot be an id or a name of Docker must not get there. */
const REFERENCE = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/

/**
 * The name or the id of an image, which is also a path: a registry, folders, a tag and a digest. No part of it begins with a
 * dot.
 */
const IMAGE_REFERENCE = /^[a-zA-Z0-9][\w.:@-]*(?:\/[a-zA-Z0-9][\w.:@-]*)*$/

/** Whether a text can be the id or the name of an image. */
export const isImageReference = (text: string): boolean => text.length <= 512 && IMAGE_REFERENCE.test(text)

/** Whether a text can be the id or the name of a container. */
export const isReference = (text: unknown): text is string => typeof text === 'string' && REFERENCE.test(text)

export const Id = Type.String({ pattern: REFERENCE.source })
export const Texts = Type.Record(Type.String(), Type.String())
const Networks = Type.Record(
  Type.String(),
  orNull(
    Type.Object({
      IPAddress: Type.Optional(Type.String()),
      GlobalIPv6Address: Type.Optional(Type.String()),
      Gateway: Type.Optional(Type.String()),
      IPv6Gateway: Type.Optional(Type.String()),
    }),
  ),
)
const Bindings = Type.Record(
  Type.String(),
  orNull(
    Type.Array(Type.Object({ HostIp: Type.Optional(Type.String()), HostPort: Type.Optional(Type.String()) })),
  ),
)

const HealthState = Type.Object({
  Status: Type.String(),
  Log: mayLack(Type.Array(Type.Object({ Start: Type.String(), Output: Type.String() }))),
})

const InspectedState = Type.Object({
  Status: Type.String(),
  StartedAt: Type.String(),
  ExitCode: Type.Optional(Type.Integer()),
  Health: mayLack(HealthState),
})

const Mode = Type.Object({ NetworkMode: Type.Optional(Type.String()) })

const Inspected = Type.Object({
  Id,
  Name: Type.String(),
  Image: Type.Optional(Type.String()),
  Created: Type.String(),
  RestartCount: Type.Optional(Type.Integer({ minimum: 0 })),
  Config: Type.Object({
    Image: Type.String(),
    Labels: mayLack(Texts),
    Env: mayLack(Type.Array(Type.String())),
  }),
  State: InspectedState,
  HostConfig: Type.Composite([Mode, Type.Object({ PortBindings: mayLack(Bindings) })]),
  NetworkSettings: Type.Object({ Networks: mayLack(Networks), Ports: mayLack(Bindings) }),
})

const Port = Type.Object({
  IP: Type.Optional(Type.String()),
  PrivatePort: Type.Integer(),
  PublicPort: Type.Optional(Type.Integer()),
  Type: Type.String(),
})

const Listed = Type.Object({
  Id,
  Names: orNull(Type.Array(Type.String())),
  Image: Type.String(),
  ImageID: Type.Optional(Type.String()),
  State: Type.String(),
  Labels: mayLack(Texts),
  Ports: mayLack(Type.Array(Port)),
  HostConfig: mayLack(Mode),
  NetworkSettings: mayLack(Type.Object({ Networks: mayLack(Networks) })),
  Created: Type.Integer(),
})

const Counted = Type.Object({
  /** Not used. It tells counters from other objects, because all their other members may be missing. */
  read: Type.String(),
  networks: mayLack(
    Type.Record(Type.String(), Type.Object({ rx_bytes: Type.Number(), tx_bytes: Type.Number() })),
  ),
})

const Blocks = Type.Object({
  io_service_bytes_recursive: mayLack(Type.Array(Type.Object({ op: Type.String(), value: Type.Number() }))),
})

const Used = Type.Composite([
  Counted,
  Type.Object({
    cpu_stats: mayLack(Type.Object({ cpu_usage: mayLack(Type.Object({ total_usage: Type.Number() })) })),
    memory_stats: mayLack(
      Type.Object({
        usage: Type.Optional(Type.Number()),
        /** Its names are those of the first and of the second version of control groups. */
        stats: mayLack(
          Type.Object({
            total_inactive_file: Type.Optional(Type.Number()),
            inactive_file: Type.Optional(Type.Number()),
          }),
        ),
      }),
    ),
    blkio_stats: mayLack(Blocks),
  }),
])

const Message = Type.Object({
  Action: Type.String(),
  Actor: Type.Object({ ID: Type.Optional(Type.String()), Attributes: mayLack(Texts) }),
  time: Type.Optional(Type.Number()),
  timeNano: Type.Optional(Type.Number()),
})

const Image = Type.Object({
  Id: Type.String({ pattern: '^(?:sha256:)?[0-9a-f]{64}$' }),
  Os: Type.String(),
  Architecture: Type.String(),
  Variant: mayLack(Type.String()),
  Size: Type.Integer({ minimum: 0 }),
  /** The names by which registries know it, each with the digest there. */
  RepoDigests: mayLack(Type.Array(Type.String())),
})

const Pulling = Type.Object({
  /** What happens, with the layer whose `id` stands beside it. */
  status: mayLack(Type.String()),
  id: mayLack(Type.String()),
  progressDetail: mayLack(Type.Object({ current: mayLack(Type.Number()), total: mayLack(Type.Number()) })),
  /** Why the pull failed. */
  error: mayLack(Type.String()),
})

export type InspectedContainer = Static<typeof Inspected>
export type ListedContainer = Static<typeof Listed>
export type CountedTraffic = Static<typeof Counted>
export type UsedResources = Static<typeof Used>
export type EventMessage = Static<typeof Message>
export type InspectedImage = Static<typeof Image>
export type PullMessage = Static<typeof Pulling>

/** Reads the answer to `GET /containers/{id}/json`. */
export const readInspected = readerOf('a container', Inspected)
/** Reads the same answer if only the network or the presence of the container matters. */
export const readMode = readerOf('the network of a container', Type.Object({ HostConfig: Mode }))
export const readPresence = readerOf('a container', Type.Object({ Id }))
/** Reads the same answer if only the kind of the container's output matters, and what may be secret in it. */
export const readOutput = readerOf(
  'the output of a container',
  Type.Object({
    Config: Type.Object({
      Tty: Type.Optional(Type.Boolean()),
      /** Each is `NAME=value`. */
      Env: mayLack(Type.Array(Type.String())),
    }),
  }),
)
/** Reads the answer to `GET /containers/json`. */
export const readList = readerOf('a list of containers', Type.Array(Listed))
/** Reads the answer to `GET /containers/{id}/stats`. */
export const readCounted = readerOf('counters', Counted)
/** Reads the same answer if all that a container uses matters. */
export const readUsed = readerOf('counters', Used)
/** Reads the answer to `GET /exec/{id}/json`. */
export const readExec = readerOf(
  'the state of a command',
  Type.Object({ Running: Type.Boolean(), ExitCode: orNull(Type.Integer()) }),
)
/** Reads one line of `GET /events` after JSON parsing. */
export const readMessage = readerOf('an event', Message)
/** Reads the answer to `GET /images/{name}/json`. */
export const readImage = readerOf('an image', Image)
/** Reads the answer to `GET /version`. */
export const readVersion = readerOf(
  'a version',
  Type.Object({
    Os: Type.String(),
    Arch: Type.String(),
    Version: Type.String(),
    ApiVersion: mayLack(Type.String()),
    /** Podman names itself here. */
    Components: mayLack(Type.Array(Type.Object({ Name: mayLack(Type.String()) }))),
  }),
)
/** Reads the answer to `GET /info`, of which only the time of Docker's clock matters. */
export const readInfo = readerOf('information about the host', Type.Object({ SystemTime: Type.String() }))
/** Reads the answer to `GET /networks/{name}`. */
export const readNetwork = readerOf(
  'a network',
  Type.Object({
    Name: Type.String(),
    Driver: Type.String(),
    Internal: mayLack(Type.Boolean()),
  }),
)
/** Reads one line of the answer to `POST /images/create` after JSON parsing. */
export const readPulling = readerOf('the progress of a pull', Pulling)

/** Reads the id of something that was just made, from dockerode's handle of it. */
export function readId({ id }: { readonly id?: unknown }): string {
  if (!isReference(id)) throw new NotDockers('no id')
  return id
}

/** Reads the answer to a ping. dockerode gives bytes if the answer is not JSON. */
export function readPong(answer: unknown): void {
  if (String(answer).trim() !== 'OK') throw new NotDockers('no OK')
}

/**
 * Checks the answer to a call that only does something. Docker answers such a call with an empty body; dockerode would
 * accept any page with status 200.
 */
export function readNothing(answer: unknown): void {
  if (!(answer instanceof Uint8Array) || answer.length > 0)
    throw new NotDockers('words where Docker has none')
}

/** Makes a reader of answers of this shape. Of anything else it throws NotDockers, which says that it is not `what`. */
export function readerOf<Schema extends TSchema>(
  what: string,
  schema: Schema,
): (answer: unknown) => Static<Schema> {
  // Compiled at the first answer, because a start needs few of them, and the VPN worker only some at all.
  let compiled: TypeCheck<Schema> | undefined
  return (answer) => {
    compiled ??= TypeCompiler.Compile(schema)
    // dockerode gives an answer that is not JSON as bytes, which are an object too.
    if (answer instanceof Uint8Array || !compiled.Check(answer)) throw new NotDockers(`not ${what}`)
    return answer
  }
}
