import { type Static, Type } from '@sinclair/typebox'
import { Address, parserOf } from '../protocol.ts'

/** The messages between the main thread and the VPN worker. */

const Milliseconds = Type.Number({ exclusiveMinimum: 0 })
const orNull = <Inner extends Parameters<typeof Type.Union>[0][number]>(inner: Inner) =>
  Type.Union([inner, Type.Null()])
const oneOf = <Word extends string>(...words: readonly Word[]) =>
  Type.Unsafe<Word>(Type.Union(words.map((word) => Type.Literal(word))))

/** The credentials for the control servers. */
const Credentials = Type.Union([
  Type.Object({ kind: Type.Literal('none') }),
  Type.Object({ kind: Type.Literal('apikey'), key: Type.String() }),
  Type.Object({ kind: Type.Literal('basic'), user: Type.String(), password: Type.String() }),
])

const ToVpnWorker = Type.Object({
  type: Type.Literal('configure'),
  /** The value of DOCKER_HOST; null for the default socket. */
  dockerHost: orNull(Type.String()),
  /** The folder of the certificates for Docker; null without TLS. */
  certificates: orNull(Type.String()),
  /** The label of this installation. */
  label: Type.Object({ key: Type.String(), value: Type.String() }),
  /** The names of the VPN containers to watch. */
  nodes: Type.Unsafe<readonly string[]>(Type.Array(Type.String({ minLength: 1 }))),
  /** Whether they are Gluetun. Others have no control server. */
  isGluetun: Type.Boolean(),
  /** The port of the control server inside the container. */
  apiPort: Address.properties.port,
  /** The host at which ports that are published on the Docker host are reached. */
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
  networks: Type.Array(Type.String()),
  reachablePorts: Type.Union([Type.Literal('all'), Type.Array(Type.Number())]),
  asksForPort: Type.Boolean(),
  inputPorts: Type.Array(Type.Number()),
})

/** What Docker said about a node's container. */
const ContainerFact = Type.Object({
  type: Type.Literal('container'),
  node: Type.String(),
  atMs: Type.Number(),
  /** Null if there is no container, and if Docker could not be asked. */
  container: orNull(Container),
  /** Docker says that there is no container of that name. */
  isMissing: Type.Boolean(),
  /** Why Docker could not be asked; null if it could. */
  error: orNull(Type.String()),
})

/** What a node's control server said in one round; null for what could not be learned. */
const ControlFact = Type.Object({
  type: Type.Literal('control'),
  node: Type.String(),
  atMs: Type.Number(),
  status: orNull(oneOf('starting', 'running', 'stopping', 'stopped', 'crashed', 'completed')),
  /** Empty if the server says that no port is forwarded now. */
  forwardedPorts: orNull(Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }))),
  /** Empty if the server says that there is no address now. */
  publicIp: orNull(Type.String()),
  country: orNull(Type.String()),
  region: orNull(Type.String()),
  city: orNull(Type.String()),
  /**
   * What could not be learned and the remedy, as a sentence without its beginning and full stop; null if everything was
   * learned.
   */
  problem: orNull(Type.String()),
})

const FromVpnWorker = Type.Union([ContainerFact, ControlFact])

type ToVpnWorker = Static<typeof ToVpnWorker>
export type VpnSettings = Omit<ToVpnWorker, 'type'>
export type ControlCredentials = Static<typeof Credentials>
export type ContainerFact = Static<typeof ContainerFact>
export type ControlFact = Static<typeof ControlFact>

/** Returns the command, or null if the message is none. */
export const parseToVpnWorker = parserOf(ToVpnWorker)

/** Returns the fact, or null if the message is none. */
export const parseFromVpnWorker = parserOf(FromVpnWorker)
