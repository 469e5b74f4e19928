import { type Static, Type } from '@sinclair/typebox'
import { Address, parserOf } from '../protocol.ts'

/** What the main thread and the VPN worker say to each other. */

const Milliseconds = Type.Number({ exclusiveMinimum: 0 })
const orNull = <Inner extends Parameters<typeof Type.Union>[0][number]>(inner: Inner) =>
  Type.Union([inner, Type.Null()])
const oneOf = <Word extends string>(...words: readonly Word[]) =>
  Type.Unsafe<Word>(Type.Union(words.map((word) => Type.Literal(word))))

/** How we show the control server who we are. */
const Credentials = Type.Union([
  Type.Object({ kind: Type.Literal('none') }),
  Type.Object({ kind: Type.Literal('apikey'), key: Type.String() }),
  Type.Object({ kind: Type.Literal('basic'), user: Type.String(), password: Type.String() }),
])

const ToVpnWorker = Type.Object({
  type: Type.Literal('configure'),
  /** As DOCKER_HOST; null for the usual socket. */
  dockerHost: orNull(Type.String()),
  /** The label of this installation. */
  label: Type.Object({ key: Type.String(), value: Type.String() }),
  /** The names of the Gluetun containers to watch. */
  nodes: Type.Unsafe<readonly string[]>(Type.Array(Type.String({ minLength: 1 }))),
  /** The port of the control server inside the container. */
  apiPort: Address.properties.port,
  /** Where ports that are published on the Docker host are reached. */
  publishedHost: Address.properties.host,
  auth: Credentials,
  intervalMs: Milliseconds,
  /** How long one question to a control server may take. */
  timeoutMs: Milliseconds,
})

const Container = Type.Object({
  id: Type.String(),
  state: oneOf('created', 'running', 'restarting', 'paused', 'exited', 'removing', 'dead'),
  health: orNull(oneOf('starting', 'healthy', 'unhealthy')),
  healthText: orNull(Type.String()),
  startedAtMs: orNull(Type.Number()),
  addresses: Type.Array(Type.String()),
})

/** What Docker said of a node's container. */
const ContainerFact = Type.Object({
  type: Type.Literal('container'),
  node: Type.String(),
  atMs: Type.Number(),
  /** Null when there is none, and when Docker could not be asked. */
  container: orNull(Container),
  /** Docker says that there is none of that name. */
  isMissing: Type.Boolean(),
  /** Why Docker could not be asked; null when it could. */
  error: orNull(Type.String()),
})

/** What a node's control server said in one round; null where it could not be learned. */
const ControlFact = Type.Object({
  type: Type.Literal('control'),
  node: Type.String(),
  atMs: Type.Number(),
  status: orNull(oneOf('starting', 'running', 'stopping', 'stopped', 'crashed', 'completed')),
  /** 0: it says that there is none now. */
  forwardedPort: orNull(Type.Integer({ minimum: 0, maximum: 65_535 })),
  /** Empty: it says that there is none now. */
  publicIp: orNull(Type.String()),
  country: orNull(Type.String()),
  region: orNull(Type.String()),
  city: orNull(Type.String()),
  /** What could not be learned, and the remedy, as a sentence without its beginning and full stop; null when all was. */
  problem: orNull(Type.String()),
})

const FromVpnWorker = Type.Union([ContainerFact, ControlFact])

type ToVpnWorker = Static<typeof ToVpnWorker>
export type VpnSettings = Omit<ToVpnWorker, 'type'>
export type ControlCredentials = Static<typeof Credentials>
export type ContainerFact = Static<typeof ContainerFact>
export type ControlFact = Static<typeof ControlFact>

/** The message, or null when it is none. */
export const parseToVpnWorker = parserOf(ToVpnWorker)

/** The message, or null when it is none. */
export const parseFromVpnWorker = parserOf(FromVpnWorker)
