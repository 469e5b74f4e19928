import { shortageIn } from '../lib/shortage.ts'
import { type FailedCall, knownRefusal } from './docker-refusals.ts'
import { RuntimeFailure } from './runtime.ts'

/** An answer did not come from Docker. The message says what it is, as a noun. */
export class NotDockers extends Error {
  override readonly name = 'NotDockers'
}

function notPermitted(at: string): string {
  return (
    `No permission to open ${at}: run as a user or group that may use Docker. In a container, give its user the group of ` +
    `that socket: --group-add (group_add) with the number that "stat -c %g ${at}" shows on the host. Where SELinux is on ` +
    '(Fedora, RHEL), it needs --security-opt label=disable (security_opt) too.'
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

/** Whether a connection was made and broke before there was an answer. */
export function isBroken(error: unknown): boolean {
  if (error instanceof RuntimeFailure || error instanceof NotDockers || statusOf(error) !== null) return false
  if (shortageIn(error) !== null || property(error, 'syscall') === 'connect') return false
  return ['ECONNRESET', 'EPIPE', 'ERR_SOCKET_CLOSED'].includes(String(property(error, 'code')))
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

  const tls = tlsFailure(code, call.address)
  if (tls !== null) return new RuntimeFailure('unreachable', tls, { effect: 'none', cause: error })

  if (property(error, 'syscall') === 'connect') {
    const message = `No connection to Docker at ${call.address} (${code}): check the network and DOCKER_HOST.`
    return new RuntimeFailure('unreachable', message, { effect: 'none', cause: error })
  }
  const message = `Docker at ${call.address} broke the connection when asked to ${call.what}.`
  return new RuntimeFailure('unreachable', message, { effect: 'unknown', cause: error })
}

/** What a failure of TLS means, and what to do; null for another failure. No call is sent before TLS stands. */
function tlsFailure(code: string, at: string): string | null {
  if (/KEY_VALUES_MISMATCH/.test(code))
    return `cert.pem and key.pem in DOCKER_CERT_PATH, for Docker at ${at}, do not belong together (${code}): put those of one client there.`
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST/.test(code))
    return `Docker at ${at} speaks no TLS at this port (${code}): set DOCKER_TLS_VERIFY to false, or name its port for TLS in DOCKER_HOST.`
  if (/ALERT|PEM/.test(code) && code.startsWith('ERR_'))
    return `Docker at ${at} does not accept our certificate (${code}): check cert.pem and key.pem in DOCKER_CERT_PATH.`
  if (/CERT|SIGNATURE|ISSUER|CRL|HOSTNAME/.test(code))
    return `The certificate of Docker at ${at} is not accepted (${code}): check ca.pem in DOCKER_CERT_PATH, and the name in DOCKER_HOST.`
  return /^(?:ERR_SSL|EPROTO|ERR_TLS)/.test(code)
    ? `Docker at ${at} does not speak TLS as we do (${code}): check its port in DOCKER_HOST, and DOCKER_TLS_VERIFY.`
    : null
}

function refusal(error: unknown, status: number, call: FailedCall): RuntimeFailure {
  const said = dockerWords(error)
  const words = call.mask?.(said) ?? said
  // Docker refuses with a status of 400 or above.
  if (/HTTP request to an HTTPS server/.test(words)) return plainToTls(error, call)
  if (isForbiddenByProxy(error)) return forbidden(error, status, call)
  if (status < 400 || !isDockers(error)) return answeredByOthers(error, `HTTP ${status}`, call)
  const known = knownRefusal(words, call)
  if (known !== null) return new RuntimeFailure(known.code, known.message, { cause: error })
  // 502 to 504 come from a proxy in front of the socket, never from Docker itself. (Docker sends 503 only for a swarm that
  // is missing.)
  if ((status >= 502 && status <= 504) || UNANSWERED.test(words)) {
    return answeredByOthers(error, `HTTP ${status}`, call)
  }
  const why = words.split('\n')[0]?.slice(0, 300) || `HTTP ${status}`
  return new RuntimeFailure('refused', `Docker refused to ${call.what}: ${why}`, { cause: error })
}

/** Whether this is a status with which a proxy, or Docker with a plug-in, forbids a call. */
export const isForbidden = (status: number | null): boolean =>
  status !== null && [401, 403, 405].includes(status)

/**
 * Whether an error that dockerode threw for an answer comes from Docker, which gives its reason in JSON as `message`.
 * dockerode keeps only the text of an answer that is read as a stream; there an HTML page is recognised by its beginning.
 */
export function isDockers(error: unknown): boolean {
  const json = property(error, 'json')
  if (json === null || json === undefined) return !/^(?:<|\[object )/.test(dockerWords(error))
  return typeof property(json, 'message') === 'string'
}

/** The words of a proxy that forbids a call, if it does not send a page. */
const FORBIDDEN_WORDS = /^$|^<|^(?:\d{3} )?(?:forbidden|unauthorized|method not allowed)\.?$/i

/**
 * Whether something in front of Docker forbade the call. Docker itself, or a plug-in of it, says in JSON why it does. Of an
 * answer that is read as a stream, only the words are known.
 */
export function isForbiddenByProxy(error: unknown): boolean {
  if (!isForbidden(statusOf(error))) return false
  const json = property(error, 'json')
  if (json === null || json === undefined) return FORBIDDEN_WORDS.test(dockerWords(error))
  return typeof property(json, 'message') !== 'string'
}

/** Docker says this itself, whatever it was asked. */
function plainToTls(cause: unknown, { address }: FailedCall): RuntimeFailure {
  const message = `Docker at ${address} wants TLS: set DOCKER_TLS_VERIFY to true and DOCKER_CERT_PATH.`
  return new RuntimeFailure('unreachable', message, { effect: 'none', cause })
}

/** A socket proxy did not pass the call on. Its page says nothing more than that. */
function forbidden(cause: unknown, status: number, { address, what, needs }: FailedCall): RuntimeFailure {
  const remedy = needs === undefined ? 'see its settings' : `allow ${needs.what} there (${needs.setting})`
  const message = `What answers at ${address} forbids to ${what} (HTTP ${status}): ${remedy}.`
  return new RuntimeFailure('unreachable', message, { effect: 'none', cause })
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
