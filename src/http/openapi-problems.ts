import {
  imageMissing,
  imagePulling,
  inProgress,
  noFreePort,
  noHost,
  permanent,
  type Refusal,
  runtimeUnavailable,
  storageUnavailable,
  tooManyGeneric,
  vpnDisconnected,
} from '../core/provisioning/refusal.ts'
import type { JsonObject, Schemas } from './openapi-schemas.ts'
import type { ProblemCode } from './problem-codes.ts'
import { type Failure, InvalidProblem, invalidFailure, Problem, problemBody, TITLES } from './problems.ts'

/** The name of the answer with this status among the document's responses. */
export const responseNameOf = (status: number): string => (TITLES[status] ?? 'Error').replaceAll(' ', '')

/** The answers to failures, by their names: one for each status, with an example for each code. */
export function problemResponses(schemas: Schemas): JsonObject {
  const shapes = { problem: written(schemas, Problem), invalid: written(schemas, InvalidProblem) }
  const byStatus = Map.groupBy(Object.values(FAILURES), ({ status }) => status)
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([a], [b]) => a - b)
      .flatMap(([status, failures]) => {
        const description = DESCRIPTIONS[status]
        if (description === undefined) return []
        const schema = status === 422 ? shapes.invalid : shapes.problem
        const examples = Object.fromEntries(failures.map((failure) => [failure.code, exampleOf(failure)]))
        const waits = failures.some(({ etaSeconds = null }) => etaSeconds !== null)
        const answer: JsonObject = {
          description,
          content: { 'application/problem+json': { schema, examples } },
          ...(waits ? { headers: RETRY_AFTER } : {}),
        }
        return [[responseNameOf(status), answer]]
      }),
  )
}

const written = (schemas: Schemas, schema: object): JsonObject =>
  schemas.tidy(JSON.parse(JSON.stringify(schema)))

const exampleOf = (failure: Failure): JsonObject => ({
  summary: failure.message,
  value: JSON.parse(JSON.stringify(problemBody(failure))),
})

/** What each status means. The status 499 is missing, because nobody is there to read that answer. */
const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request cannot be read',
  401: 'The bearer token is missing',
  403: 'The bearer token is wrong, or the host, the origin or the image is not allowed',
  404: 'Nothing of ours has this id',
  405: 'The path takes another method',
  409: 'Not possible in the present state',
  413: 'The body is too large',
  422: 'The request is invalid; the first ten fields at fault are named',
  429: 'Too many bodies are being read',
  500: 'A failure that waiting does not mend; it says what to do',
  503: 'Not possible now; it says why and when to come back',
}

const RETRY_AFTER: JsonObject = {
  'Retry-After': {
    description: 'Seconds until it is worth asking again; missing if that is not known',
    schema: { type: 'integer', format: 'int32', minimum: 0 },
  },
}

const failure = <const Code extends ProblemCode>(status: number, code: Code, message: string): Failure => ({
  status,
  code,
  message,
})

const refused = (refusal: Refusal, status = 503): Failure => ({
  ...refusal,
  status,
  detail: refusal.code === 'vpn_disconnected' ? 'text' : 'object',
})

const IMAGE = 'ghcr.io/krinkuto11/acestream-http-proxy:latest'

/** A failure of each code, as it really happens. A code that is missing here does not compile. */
const FAILURES: Readonly<Record<ProblemCode, Failure>> = {
  malformed_host: failure(400, 'malformed_host', 'the Host header names no host: "a b"'),
  malformed_target: failure(400, 'malformed_target', 'the request names no path'),
  body_not_received: failure(400, 'body_not_received', 'the body broke off'),
  missing_token: failure(401, 'missing_token', 'missing bearer token'),
  invalid_token: failure(403, 'invalid_token', 'invalid token'),
  cross_site: failure(
    403,
    'cross_site',
    'a page of another origin ("http://evil.example") sent this, and only our own pages may change something: ' +
      'use the address that the page was opened at, or a program; a reverse proxy has to pass the Host header on as it is',
  ),
  host_not_allowed: failure(
    403,
    'host_not_allowed',
    'nobody said that "box.example.com" is a name of this server: add it to ALLOWED_HOSTS, ' +
      'or use an IP address, localhost, or a name without a dot',
  ),
  image_not_allowed: failure(
    403,
    'image_not_allowed',
    'without an API_KEY only TARGET_IMAGE and the images of ALLOWED_IMAGES may be started: add this one to ALLOWED_IMAGES, or set API_KEY',
  ),
  not_found: failure(404, 'not_found', 'container not found'),
  engine_not_found: failure(404, 'engine_not_found', 'no engine acestream-9'),
  stream_not_found: failure(404, 'stream_not_found', 'no stream abc|s1'),
  method_not_allowed: failure(405, 'method_not_allowed', '/engines takes GET'),
  engine_provisioning: {
    ...failure(
      409,
      'engine_provisioning',
      'engine acestream-1 is still being provisioned; ask again when it runs, or delete it',
    ),
    etaSeconds: 2,
    shouldWait: true,
  },
  too_large: failure(413, 'too_large', 'a body has 65536 bytes at most'),
  invalid_request: invalidFailure([
    {
      loc: ['body', 'host_port'],
      msg: 'must be a whole number from 1024 to 65535 or null',
      type: 'value_error',
    },
  ]),
  too_many_requests: {
    ...failure(
      429,
      'too_many_requests',
      'too many requests of yours are being read; send their bodies faster, or fewer at a time',
    ),
    etaSeconds: 1,
    shouldWait: true,
  },
  caller_gone: failure(499, 'caller_gone', 'the caller went away'),
  image_missing: refused(imageMissing(IMAGE), 500),
  general_error: refused(permanent('Docker refuses the setting ENGINE_MEMORY_LIMIT'), 500),
  internal_error: failure(500, 'internal_error', 'an unexpected error; the log of the orchestrator has it'),
  storage_unavailable: refused(storageUnavailable('database or disk is full')),
  vpn_disconnected: refused(vpnDisconnected('gluetun is unhealthy', 20)),
  circuit_breaker: refused({
    code: 'circuit_breaker',
    message: 'Provisioning temporarily unavailable: circuit breaker is open, next try in 28 s',
    blockedReason: 'Circuit breaker is open',
    etaSeconds: 28,
    shouldWait: true,
  }),
  max_capacity: refused({
    code: 'max_capacity',
    message: 'Cannot provision engine: maximum capacity reached (20 of 20 engines)',
    blockedReason: 'Maximum capacity reached',
    etaSeconds: 20,
    shouldWait: true,
  }),
  no_host: refused(noHost('worker-1 is down, worker-2 takes no containers')),
  no_free_port: refused(noFreePort('all of 19000-19999 are in use')),
  runtime_unavailable: refused(runtimeUnavailable('connect ENOENT /var/run/docker.sock')),
  image_pulling: refused(imagePulling(IMAGE, 20)),
  provisioning_in_progress: refused(inProgress),
  max_generic: refused(tooManyGeneric(20, 20)),
  too_many_subscribers: {
    ...failure(
      503,
      'too_many_subscribers',
      'the feed has as many readers as it takes; close one, or ask GET /events',
    ),
    etaSeconds: 5,
    shouldWait: true,
  },
}
