import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { expectation } from './expectation.ts'
import { PROBLEM_CODES, type ProblemCode } from './problem-codes.ts'
import { Text, WordOf } from './schemas.ts'
import { hints } from './status-schemas.ts'
import { mapFaults } from './text-maps.ts'
import { shortened } from './texts.ts'

/** One invalid field: where it is, what it must be, and the kind of error. */
export interface FieldProblem {
  readonly loc: readonly string[]
  readonly msg: string
  readonly type: string
}

const Field = Type.Object(
  {
    loc: Type.Array(Type.String({ description: 'A name' }), {
      description: 'Where it is: the part of the request, and the names that lead to the field',
    }),
    msg: Text('What it must be'),
    type: Text('The kind of error: `value_error`, or `json_invalid` for a body that is no JSON'),
  },
  { title: 'InvalidField', description: 'A field of a request that is invalid' },
)

const members = {
  type: Text('A URN that ends with `code`'),
  title: Text('The name of the status'),
  status: Type.Integer({ description: 'The status of the answer' }),
  code: WordOf(PROBLEM_CODES, 'What is wrong, for programs'),
  message: Text('What is wrong, for people'),
  ...hints,
}

const RefusedProvision = Type.Object(
  {
    error: WordOf(['provisioning_blocked', 'provisioning_failed'], 'Whether it may work later'),
    code: members.code,
    message: members.message,
    ...hints,
  },
  { title: 'RefusedProvision', description: 'Why a provision was refused, in the form that acexy decodes' },
)

/** A problem document (RFC 9457). `detail` is a sentence, or the object that acexy decodes. */
export const Problem = Type.Object(
  {
    ...members,
    detail: Type.Union([Type.String({ description: 'A sentence' }), RefusedProvision], {
      description: 'What is wrong: a sentence, or the object that acexy expects of a refused provision',
    }),
  },
  { title: 'Problem', description: 'A problem document (RFC 9457)' },
)

/** A problem document whose `detail` names the invalid fields. */
export const InvalidProblem = Type.Object(
  { ...members, detail: Type.Array(Field, { description: 'The first ten fields at fault' }) },
  { title: 'InvalidRequest', description: 'A problem document (RFC 9457) about invalid fields' },
)

/** What a failure means to the caller, before it becomes an HTTP answer. */
export interface Failure {
  readonly status: number
  readonly code: ProblemCode
  readonly message: string
  readonly etaSeconds?: number | null
  readonly shouldWait?: boolean
  /** `object` gives `detail` the form that acexy decodes; a list names the invalid fields. */
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

/** Finds our own failure in an error. Elysia wraps errors that are thrown while a body is read. */
function ownFailure(error: unknown): Failure | null {
  const inner = error instanceof Error && error.cause instanceof FailureError ? error.cause : error
  return inner instanceof FailureError ? inner.failure : null
}

/** The problem document of a failure. */
export function problemBody(failure: Failure): Static<typeof Problem> | Static<typeof InvalidProblem> {
  const { status, code, message, etaSeconds = null, shouldWait = false, detail = 'text' } = failure
  const waiting = { recovery_eta_seconds: etaSeconds, should_wait: shouldWait, can_retry: shouldWait }
  const error = status === 503 ? 'provisioning_blocked' : 'provisioning_failed'
  return {
    type: `urn:roundhouse:problem:${code}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail: detail === 'text' ? message : detail === 'object' ? { error, code, message, ...waiting } : detail,
    code,
    message,
    ...waiting,
  } as Static<typeof Problem> | Static<typeof InvalidProblem>
}

/** Makes the answer to a failure: its problem document, with `Retry-After` if an estimate of the wait is known. */
export function problem(failure: Failure): Response {
  const { status, etaSeconds = null, headers } = failure
  return new Response(JSON.stringify(problemBody(failure)), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(etaSeconds === null ? {} : { 'retry-after': String(etaSeconds) }),
      ...headers,
    },
  })
}

/** The names of the statuses. */
export const TITLES: Readonly<Record<number, string>> = {
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

/**
 * Turns errors that the HTTP layer does not know into failures; null for an error that this function does not know either.
 */
export type Translate = (error: unknown) => Failure | null

/** Is called for each unexpected error. The request is null if it is not known any more. */
export type OnDefect = (error: unknown, request: Request | null) => void

/**
 * The one place that answers errors. Each route declares in its schema how it may fail. An unexpected error becomes a 500
 * that does not show its message, and goes to `onDefect` with its stack.
 */
export const problems = (options: {
  readonly translate: Translate
  readonly onDefect: OnDefect
  readonly allowedMethods: (path: string) => readonly string[]
  /** Names the parameters of a query that its route does not know. */
  readonly unknownNames: { inQuery(request: Request, route: string): readonly FieldProblem[] }
}) =>
  new Elysia({ name: 'problems' }).onError({ as: 'global' }, ({ code, error, request, path, route }) => {
    const known = ownFailure(error) ?? options.translate(error)
    if (known) return problem(known)
    if (code === 'NOT_FOUND') return notFound(path, options.allowedMethods(path))
    if (code === 'VALIDATION' && error.type !== 'response') {
      const unknown = error.type === 'query' ? options.unknownNames.inQuery(request, route) : []
      return invalid([...unknown, ...namedOf(error.type, error.all)])
    }
    if (code === 'INVALID_COOKIE_SIGNATURE' || code === 'INVALID_FILE_TYPE') {
      return invalid([{ loc: ['request'], msg: 'not accepted here', type: 'value_error' }])
    }
    options.onDefect(error, request)
    return internalError()
  })

/** The answer to an unexpected error. */
export const internalError = (): Response =>
  problem({
    status: 500,
    code: 'internal_error',
    message: 'an unexpected error; the log of the orchestrator has it',
  })

/** The answer that names the invalid fields. */
export const invalid = (fields: readonly FieldProblem[]): Response => problem(invalidFailure(fields))

/** How many invalid fields an answer names. The answer does not grow with further ones. */
const FIELDS_MAX = 10

/** How many invalid fields are looked for: one more than an answer names, so that it can say that there are more. */
export const FIELDS_SOUGHT = FIELDS_MAX + 1

/** How much of a name in a JSON pointer is read. This is more than an answer shows of it. */
const POINTED_MAX = 1_000

/** The failure that `invalid` answers with. */
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

/** The answer for a path that does not exist, or that takes only other methods. */
export function notFound(path: string, allowed: readonly string[]): Response {
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

/** Collects the invalid fields for an answer. Stops when it has more than an answer names. */
export function fieldsOf(part: string, errors: Iterable<unknown>): readonly FieldProblem[] {
  // TypeBox reports a missing member twice: as missing, and as being of the wrong type.
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

/** What TypeBox says about one invalid value. */
interface ValueError {
  readonly path?: string
  readonly schema?: unknown
  readonly value?: unknown
}

/** Names the fields that one error is about. For a map these are its invalid entries. */
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

/** The invalid fields; never an empty list, because it is known that something is wrong. */
function namedOf(part: string, errors: readonly unknown[]): readonly FieldProblem[] {
  const fields = fieldsOf(part, errors)
  return fields.length > 0 ? fields : [{ loc: [part], msg: 'invalid', type: 'value_error' }]
}

/** The names in a JSON pointer, shortened for an answer. A character of a name takes at most two in a pointer. */
const pointerNames = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((name) => shortened(name.slice(0, POINTED_MAX).replaceAll('~1', '/').replaceAll('~0', '~')))
