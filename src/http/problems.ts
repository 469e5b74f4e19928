import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { expectation } from './expectation.ts'
import { Nullable } from './schemas.ts'
import { mapFaults } from './text-maps.ts'
import { shortened } from './texts.ts'

/** One field at fault: where it stands, what is wrong and what it should be. */
export interface FieldProblem {
  readonly loc: readonly string[]
  readonly msg: string
  readonly type: string
}

const Field = Type.Object({ loc: Type.Array(Type.String()), msg: Type.String(), type: Type.String() })

const members = {
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  message: Type.String(),
  recovery_eta_seconds: Nullable(Type.Integer()),
  should_wait: Type.Boolean(),
  can_retry: Type.Boolean(),
}

/** A problem document (RFC 9457). `detail` is a sentence, or the object that acexy decodes. */
export const Problem = Type.Object({
  ...members,
  detail: Type.Union([
    Type.String(),
    Type.Object({
      error: Type.String(),
      code: Type.String(),
      message: Type.String(),
      recovery_eta_seconds: Nullable(Type.Integer()),
      should_wait: Type.Boolean(),
      can_retry: Type.Boolean(),
    }),
  ]),
})

/** A problem document whose `detail` names every invalid field. */
export const InvalidProblem = Type.Object({ ...members, detail: Type.Array(Field) })

/** What a failure is to its caller, before it has the form of an answer. */
export interface Failure {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly etaSeconds?: number | null
  readonly shouldWait?: boolean
  /** `object` gives `detail` the form that acexy decodes; fields name what is invalid. */
  readonly detail?: 'text' | 'object' | readonly FieldProblem[]
  readonly headers?: Readonly<Record<string, string>>
}

/** A failure that the HTTP layer itself throws. */
export class FailureError extends Error {
  override readonly name = 'FailureError'

  constructor(readonly failure: Failure) {
    super(failure.message)
  }
}

/** Elysia wraps what is thrown while a body is read. */
function ownFailure(error: unknown): Failure | null {
  const inner = error instanceof Error && error.cause instanceof FailureError ? error.cause : error
  return inner instanceof FailureError ? inner.failure : null
}

/** The answer of a failure: a problem document, with `Retry-After` where waiting helps. */
export function problem(failure: Failure): Response {
  const { status, code, message, etaSeconds = null, shouldWait = false, detail = 'text', headers } = failure
  const hints = { recovery_eta_seconds: etaSeconds, should_wait: shouldWait, can_retry: shouldWait }
  const error = status === 503 ? 'provisioning_blocked' : 'provisioning_failed'
  const body = {
    type: `urn:roundhouse:problem:${code}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail: detail === 'text' ? message : detail === 'object' ? { error, code, message, ...hints } : detail,
    code,
    message,
    ...hints,
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(etaSeconds === null ? {} : { 'retry-after': String(etaSeconds) }),
      ...headers,
    },
  })
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** Turns errors that the HTTP layer does not know by itself into failures; null for what is unknown to it too. */
export type Translate = (error: unknown) => Failure | null

/** Hears of what nobody foresaw; the request is null where it is not known any more. */
export type OnDefect = (error: unknown, request: Request | null) => void

/**
 * The one place where an error gets its answer. Each route that may fail says so in its schema; what nobody foresaw is a
 * 500 without its inner words, and goes to `onDefect` with its stack.
 */
export const problems = (options: {
  readonly translate: Translate
  readonly onDefect: OnDefect
  readonly allowedMethods: (path: string) => readonly string[]
}) =>
  new Elysia({ name: 'problems' }).onError({ as: 'global' }, ({ code, error, request, path }) => {
    const known = ownFailure(error) ?? options.translate(error)
    if (known) return problem(known)
    if (code === 'NOT_FOUND') return notFound(path, options.allowedMethods(path))
    if (code === 'VALIDATION' && error.type !== 'response') return invalid(namedOf(error.type, error.all))
    if (code === 'INVALID_COOKIE_SIGNATURE' || code === 'INVALID_FILE_TYPE') {
      return invalid([{ loc: ['request'], msg: 'not accepted here', type: 'value_error' }])
    }
    options.onDefect(error, request)
    return internalError()
  })

/** The answer to what nobody foresaw. */
export const internalError = (): Response =>
  problem({
    status: 500,
    code: 'internal_error',
    message: 'an unexpected error; the log of the orchestrator has it',
  })

/** The answer that names every invalid field. */
export const invalid = (fields: readonly FieldProblem[]): Response => problem(invalidFailure(fields))

/** So many fields at fault are named; an answer is no larger for what else is wrong. */
const FIELDS_MAX = 10

/** More than is told of a name. */
const POINTED_MAX = 1_000

/** The failure behind `invalid`. */
export function invalidFailure(all: readonly FieldProblem[]): Failure {
  const fields = all.slice(0, FIELDS_MAX).map((field) => ({ ...field, loc: field.loc.map(shortened) }))
  const named = fields.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')
  return {
    status: 422,
    code: 'invalid_request',
    message: all.length > FIELDS_MAX ? `${named}; more is wrong, and only the first are named` : named,
    detail: fields,
  }
}

function notFound(path: string, allowed: readonly string[]): Response {
  const shown = shortened(path)
  if (allowed.length === 0)
    return problem({ status: 404, code: 'not_found', message: `there is no ${shown}` })
  const allow = allowed.join(', ')
  return problem({
    status: 405,
    code: 'method_not_allowed',
    message: `${shown} takes ${allow}`,
    headers: { allow },
  })
}

/** The fields at fault, as far as they are named in an answer; no further error is looked for. */
export function fieldsOf(part: string, errors: Iterable<unknown>): readonly FieldProblem[] {
  // A missing member is reported twice: as missing, and as not of its type.
  const fields = new Map<string, FieldProblem>()
  for (const error of errors) {
    for (const field of problemsOf(part, error as ValueError)) {
      const where = field.loc.join('\0')
      if (!fields.has(where)) fields.set(where, field)
    }
    if (fields.size > FIELDS_MAX) break
  }
  return [...fields.values()]
}

/** What TypeBox says of one value. */
interface ValueError {
  readonly path?: string
  readonly schema?: unknown
  readonly value?: unknown
}

/** A map tells by itself which of its entries are at fault. */
function problemsOf(part: string, { path = '', schema, value }: ValueError): readonly FieldProblem[] {
  const at = [part, ...pointerNames(path)]
  const faults = mapFaults(schema, value, FIELDS_MAX + 1)
  if (faults.length === 0) return [{ loc: at, msg: `must be ${expectation(schema)}`, type: 'value_error' }]
  return faults.map(({ name, msg }) => ({
    loc: name === null ? at : [...at, shortened(name)],
    msg,
    type: 'value_error',
  }))
}

/** Never none: that something is wrong is known. */
function namedOf(part: string, errors: readonly unknown[]): readonly FieldProblem[] {
  const fields = fieldsOf(part, errors)
  return fields.length > 0 ? fields : [{ loc: [part], msg: 'invalid', type: 'value_error' }]
}

/** The names in a JSON pointer, each as far as it is told; a letter of a name is two in a pointer at most. */
const pointerNames = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((name) => shortened(name.slice(0, POINTED_MAX).replaceAll('~1', '/').replaceAll('~0', '~')))
