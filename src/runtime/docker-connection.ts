import { readFileSync } from 'node:fs'
import type { AgentOptions } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import Dockerode from 'dockerode'
import { BoundedAgent, BoundedTlsAgent } from './docker-agent.ts'

const DEFAULT_SOCKET = '/var/run/docker.sock'

/** Where a Docker Engine listens. `text` is its name in messages. */
export type DockerAddress =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | {
      readonly kind: 'tcp'
      readonly host: string
      readonly port: number
      readonly text: string
      /** The folder of the certificates; null without TLS. */
      readonly certificates: string | null
    }

interface Abortable {
  readonly abortSignal: AbortSignal
}

/** A command that runs in a container beside the container's own process. */
interface DockerExec {
  readonly id: unknown
  start(options: Abortable): Promise<Readable>
  inspect(options: Abortable): Promise<unknown>
}

/** The part of dockerode's containers that we use. `docker-answers` reads what the calls return. */
export interface DockerContainer {
  start(options: Abortable): Promise<unknown>
  stop(options: Abortable & { readonly t: number }): Promise<unknown>
  remove(options: Abortable & Dockerode.ContainerRemoveOptions): Promise<unknown>
  inspect(options: Abortable): Promise<unknown>
  stats(options: Abortable & { readonly stream: false; readonly 'one-shot': true }): Promise<unknown>
  exec(options: Abortable & Dockerode.ExecCreateOptions): Promise<DockerExec>
}

/** A question that dockerode has no method for, or whose method does not pass the signal on. */
export interface DockerQuestion extends Abortable {
  /** GET if missing. */
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /**
   * The parameters, if `path` ends with a question mark; with `_body`, the parameters and the body of a POST. Without a
   * parameter the path must have no question mark.
   */
  readonly options?:
    | Readonly<Record<string, string | number>>
    | { readonly _query: Readonly<Record<string, string | number>>; readonly _body: object }
  /** What logs in to a registry, as Docker expects it in a header. */
  readonly authconfig?: { readonly base64: string }
  /** Whether the answer is given as a stream. */
  readonly isStream?: boolean
}

/**
 * The part of dockerode that we use. @types/dockerode lacks the abort signal of several of these calls, and does not know
 * `_query` and `_body`. Without these two, dockerode sends the whole container configuration in the URL as well.
 */
export interface DockerClient {
  ping(options: Abortable): Promise<unknown>
  createContainer(
    options: Abortable & {
      readonly _query: { name: string }
      readonly _body: Dockerode.ContainerCreateOptions
    },
  ): Promise<{ readonly id: unknown }>
  listContainers(options: Abortable & Dockerode.ContainerListOptions): Promise<unknown>
  getEvents(options: Abortable & Dockerode.GetEventsOptions): Promise<Readable>
  createImage(options: Abortable & { readonly fromImage: string }): Promise<Readable>
  version(options: Abortable): Promise<unknown>
  getContainer(id: string): DockerContainer
  readonly modem: {
    dial(
      question: DockerQuestion & { readonly statusCodes: { readonly 200: true; readonly 201: true } },
      callback: (error: unknown, answer: unknown) => void,
    ): void
  }
}

/**
 * Parses a `DOCKER_HOST`: `unix:///path`, a bare `/path`, `tcp://host:port`, `http://host:port`, or null for the usual
 * socket. With a folder of certificates, TCP is used with TLS. Throws a plain Error for any other form, because SSH is not
 * supported.
 */
export function parseDockerHost(
  dockerHost: string | null,
  certificates: string | null = null,
): DockerAddress {
  const text = dockerHost || DEFAULT_SOCKET
  const path = text.startsWith('unix://') ? text.slice('unix://'.length) || DEFAULT_SOCKET : text
  if (path.startsWith('/')) return { kind: 'unix', path, text: path }

  const url = /^(tcp|http):\/\//.test(text) ? URL.parse(text.replace(/^tcp:/, 'http:')) : null
  if (!url?.hostname) {
    throw new Error(`DOCKER_HOST "${text}" is not understood: use unix:///path, /path or tcp://host:port.`)
  }
  // The registered ports of Docker with TLS and without.
  const port = Number(url.port || (certificates === null ? 2375 : 2376))
  return { kind: 'tcp', host: url.hostname, port, text, certificates }
}

/**
 * Makes a client of the Docker Engine at `address`, which connects only at its first call. With `kept`, connections are
 * reused if possible; with `new`, each call gets a new connection.
 */
export function connectDocker(address: DockerAddress, connections: 'kept' | 'new'): DockerClient {
  // Our callers bound the number of sockets, not this agent: with a bound here, slow stops could hold up a ping. Only a few
  // idle sockets stay open, because a burst of calls would otherwise keep its file descriptors for ever.
  const kept = { keepAlive: connections === 'kept', maxFreeSockets: 16 }
  // docker-modem parses addresses in a way for which the runtime of the binary writes a notice (DEP0169) into our output. It is
  // for the library's developers; nothing that users can do ends it.
  if (address.kind === 'tcp') process.noDeprecation = true
  const options = { ...whereTo(address, kept), timeout: 0 }
  return withoutCertPath(() => new Dockerode(options)) as unknown as DockerClient
}

/**
 * dockerode fills missing options from DOCKER_HOST and DOCKER_CLIENT_TIMEOUT of the environment. So the unused options are
 * given as undefined, and `timeout: 0` refuses a time limit, which would cut quiet event streams.
 */
function whereTo(address: DockerAddress, kept: AgentOptions) {
  const plain = { ca: undefined, cert: undefined, key: undefined, protocol: 'http' as const }
  if (address.kind === 'unix')
    return {
      ...plain,
      socketPath: address.path,
      host: undefined,
      port: undefined,
      agent: new BoundedAgent(kept),
    }
  const { host, port, certificates } = address
  const tcp = { socketPath: undefined, port }
  if (certificates === null)
    return { ...plain, ...tcp, host: `http://${host}`, agent: new BoundedAgent(kept) }
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) =>
    readFileSync(join(certificates, name)),
  )
  return {
    ...{ ...tcp, ca, cert, key },
    ...{ protocol: 'https' as const, host: `https://${host}`, agent: new BoundedTlsAgent(kept) },
  }
}

/** docker-modem reads the files of this folder by itself, without need, and throws if there are none. */
function withoutCertPath<T>(make: () => T): T {
  const { DOCKER_CERT_PATH: folder } = process.env
  delete process.env.DOCKER_CERT_PATH
  try {
    return make()
  } finally {
    if (folder !== undefined) process.env.DOCKER_CERT_PATH = folder
  }
}

/**
 * Asks a question, and resolves with the answer if its status is 200 or 201. Rejects with an error like those of dockerode's
 * methods.
 */
export function askDocker({ modem }: DockerClient, question: DockerQuestion): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  modem.dial({ method: 'GET', ...question, statusCodes: { 200: true, 201: true } }, (error, answer) =>
    error ? reject(error) : resolve(answer),
  )
  return promise
}
