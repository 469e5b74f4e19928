import type { Mask } from '../core/secrets.ts'
import { shortageIn } from '../lib/shortage.ts'
import { RuntimeFailure, type RuntimeFailureCode } from './runtime.ts'

/** An answer did not come from Docker. The message says what it is, as a noun. */
export class NotDockers extends Error {
  override readonly name = 'NotDockers'
}

/** The call that failed, for the message of its failure. */
export interface FailedCall {
  /** What was asked, as the rest of "Docker refused to …". */
  readonly what: string
  /**
   * The container as the caller named it; null if there is none yet. It tells "this container is not found" from "its
   * network container is not found".
   */
  readonly id: string | null
  /** The socket or host of the Docker Engine. */
  readonly address: string
  /** Masks what Docker says: it may quote a command, with the secrets in it. */
  readonly mask?: Mask
}

interface Refusal {
  readonly pattern: RegExp
  readonly code: RuntimeFailureCode | ((part: string, call: FailedCall) => RuntimeFailureCode)
  /** Makes one sentence that says what to do, from the part that the pattern matched. */
  readonly message: (part: string, call: FailedCall) => string
}

/**
 * Maps Docker's messages to our codes; the first match wins. The status code alone is not enough: 500 stands for a taken
 * port as well as for a broken disk, and 404 for an image, a network, a container or its network container. The texts are
 * those of Docker 20.10 (measured) and, for ports, of Docker 28 (moby `libnetwork/portmapper`) and of the programs that Docker
 * Desktop and rootless Docker ask for a port.
 */
const REFUSALS: readonly Refusal[] = [
  {
    pattern: /No such image: (\S+)/,
    code: 'image_missing',
    message: (image) => `Image ${image} is not on this host: get it with "docker pull ${image}".`,
  },
  {
    pattern: /container name "\/?([^"]+)" is already in use/,
    code: 'conflict',
    message: (name) => `Another container has the name ${name}: remove or rename it.`,
  },
  {
    pattern: /Bind for (\S+) failed: port is already allocated/,
    code: 'port_taken',
    message: (port) => `Another container has the host port ${port}.`,
  },
  {
    pattern: /listen (?:tcp|udp)[46]? (\S+): bind: address already in use/,
    code: 'port_taken',
    message: (port) => `Another process on the host has the port ${port}.`,
  },
  {
    pattern: /failed to bind host port (?:for )?(\S+?):? address already in use/,
    code: 'port_taken',
    message: (port) => `Another process on the host has the port ${port}.`,
  },
  {
    pattern:
      /listen (?:tcp|udp)[46]? (\S+): bind: (?:Only one usage of|.*forbidden by its access|permission denied)/,
    code: 'port_taken',
    message: notGiven,
  },
  {
    pattern: /failed to bind host port (?:for )?(\S+?):? permission denied/,
    code: 'port_taken',
    message: notGiven,
  },
  {
    pattern: /Bind for (\S+): unexpected error [Pp]ermission denied/,
    code: 'port_taken',
    message: notGiven,
  },
  {
    pattern: /mkdir \/port\/(?:tcp|udp):(\S+?):(?:tcp|udp):/,
    code: 'port_taken',
    message: notGiven,
  },
  {
    // No other port helps where the host does not have the address.
    pattern: /[Pp]orts are not available: (?!.*assign requested address)(?:exposing port )?(.*\S)/,
    code: 'port_taken',
    message: (why) => `The host does not give the port: ${why}`,
  },
  {
    pattern: /cannot join network (?:namespace )?of a non[ -]running container: (\S+)/,
    code: 'no_network_container',
    message: (owner) => `Container ${owner}, whose network is to be joined, does not run: start it first.`,
  },
  {
    // Docker says this only about the network container: starting a container that restarts is no error.
    pattern: /Container (\S+) is restarting, wait until the container is running/,
    code: 'no_network_container',
    message: (owner) => `Container ${owner}, whose network is to be joined, is restarting: see its log.`,
  },
  {
    pattern: /network (\S+) not found/,
    code: 'refused',
    message: (network) =>
      `Network ${network} is not known to Docker: create it with "docker network create ${network}".`,
  },
  {
    pattern: /[Nn]o such container: (\S+)/,
    code: (id, call) => (id === call.id ? 'not_found' : 'no_network_container'),
    message: (id, call) =>
      id === call.id
        ? `There is no container ${id}.`
        : `There is no container ${id}, whose network is to be joined.`,
  },
  {
    // The command disappeared together with its container.
    pattern: /[Nn]o such exec instance: (\S+)/,
    code: 'not_found',
    message: (_, call) => `Container ${call.id} was removed while a command was to run in it.`,
  },
  {
    pattern: /exec: "([^"]+)":.*(?:no such file|not found|permission denied)/,
    code: 'refused',
    message: (command) =>
      `The image has no command "${command}" that can run: check the command and the image.`,
  },
  {
    pattern: /exec:? "?([^\s":]+)"?: (exec format error)/,
    code: 'refused',
    message: (command) =>
      `The command "${command}" is no program for this host (exec format error): check the architecture of the image.`,
  },
]

function notGiven(port: string): string {
  return `The host does not give the port ${port}: its system reserves it, or another process has it.`
}

function notPermitted(at: string): string {
  return (
    `No permission to open ${at}: run as a user or group that may use Docker. In a container, give its user the group of ` +
    `that socket: --group-add (group_add) with the number that "stat -c %g ${at}" shows on the host.`
  )
}

/** Errors that prevent a connection, so that the call was never sent. The keys are `error.code` of Node. */
const UNCONNECTED: Readonly<Record<string, (address: string) => string>> = {
  ENOENT: (at) =>
    `There is no Docker socket at ${at}: start Docker, mount its socket here, or set DOCKER_HOST.`,
  ECONNREFUSED: (at) => `Docker does not listen at ${at}: start it, or correct DOCKER_HOST.`,
  EACCES: notPermitted,
  EPERM: notPermitted,
  ENOTFOUND: (at) => `The host of ${at} is not known: correct DOCKER_HOST.`,
  EAI_AGAIN: (at) => `The host of ${at} cannot be looked up now: check the name resolution, or DOCKER_HOST.`,
}

/**
 * Docker answered, but something in front of it or behind it did not, so it is not known whether the call was carried out.
 */
const UNANSWERED = /context (?:canceled|deadline exceeded)|[Ee]rror while dialing/

/**
 * Translates any error of dockerode into a RuntimeFailure, whose sentence says what a person can do. The original error is
 * kept as `cause`. A RuntimeFailure is returned unchanged. An error with neither a status nor an error code means a broken
 * connection: `unreachable`, with unknown effect.
 */
export function translateDockerError(error: unknown, call: FailedCall): RuntimeFailure {
  if (error instanceof RuntimeFailure) return error
  if (error instanceof NotDockers) return answeredByOthers(error, error.message, call)
  const status = statusOf(error)
  return status === null ? connectionFailure(error, call) : refusal(error, status, call)
}

/** The HTTP status of an error that dockerode threw for an answer; null if there was no answer. */
export function statusOf(error: unknown): number | null {
  const status = property(error, 'statusCode')
  return typeof status === 'number' ? status : null
}

/** Docker's message in an error that dockerode threw for an answer; empty if Docker said nothing. */
export function dockerWords(error: unknown): string {
  const message = property(property(error, 'json'), 'message')
  if (typeof message === 'string') return message.trim()
  // For streams and for answers that are not JSON, dockerode puts the text into the error's message, after the status in
  // words of its own.
  const whole = error instanceof Error ? error.message : ''
  return whole.replace(/^\(HTTP code \d+\)[^-]*-/, '').trim()
}

function connectionFailure(error: unknown, call: FailedCall): RuntimeFailure {
  const shortage = shortageIn(error)
  if (shortage !== null)
    return new RuntimeFailure('unreachable', `Docker could not be asked to ${call.what}: ${shortage}.`, {
      effect: 'none',
      cause: error,
    })
  const code = String(property(error, 'code') ?? '')
  const sentence = UNCONNECTED[code]
  if (sentence)
    return new RuntimeFailure('unreachable', sentence(call.address), { effect: 'none', cause: error })

  if (property(error, 'syscall') === 'connect') {
    const message = `No connection to Docker at ${call.address} (${code}): check the network and DOCKER_HOST.`
    return new RuntimeFailure('unreachable', message, { effect: 'none', cause: error })
  }
  const message = `Docker at ${call.address} broke the connection when asked to ${call.what}.`
  return new RuntimeFailure('unreachable', message, { effect: 'unknown', cause: error })
}

function refusal(error: unknown, status: number, call: FailedCall): RuntimeFailure {
  const said = dockerWords(error)
  const words = call.mask?.(said) ?? said
  // Docker refuses with a status of 400 or above.
  if (status < 400 || !isDockers(error)) return answeredByOthers(error, `HTTP ${status}`, call)
  for (const { pattern, code, message } of REFUSALS) {
    const part = pattern.exec(words)?.[1]
    if (!part) continue
    const known = typeof code === 'string' ? code : code(part, call)
    return new RuntimeFailure(known, message(part, call), { cause: error })
  }
  // 502 to 504 come from a proxy in front of the socket, never from Docker itself. (Docker sends 503 only for a swarm that
  // is missing.)
  if ((status >= 502 && status <= 504) || UNANSWERED.test(words)) {
    return answeredByOthers(error, `HTTP ${status}`, call)
  }
  const why = words.split('\n')[0]?.slice(0, 300) || `HTTP ${status}`
  return new RuntimeFailure('refused', `Docker refused to ${call.what}: ${why}`, { cause: error })
}

/**
 * Whether an error that dockerode threw for an answer comes from Docker, which gives its reason in JSON as `message`.
 * dockerode keeps only the text of an answer that is read as a stream; there an HTML page is recognised by its beginning.
 */
export function isDockers(error: unknown): boolean {
  const json = property(error, 'json')
  if (json === null || json === undefined) return !/^(?:<|\[object )/.test(dockerWords(error))
  return typeof property(json, 'message') === 'string'
}

function answeredByOthers(cause: unknown, how: string, { address, what }: FailedCall): RuntimeFailure {
  const message =
    `Something at ${address} answered in place of Docker (${how}) when asked to ${what}: ` +
    'see its log, and check DOCKER_HOST.'
  return new RuntimeFailure('unreachable', message, { effect: 'unknown', cause })
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}
