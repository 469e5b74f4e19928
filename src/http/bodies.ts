import type { TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { Value } from '@sinclair/typebox/value'
import type { Guard } from './entrance.ts'
import {
  type Failure,
  FailureError,
  type FieldProblem,
  fieldsOf,
  invalidFailure,
  problem,
} from './problems.ts'
import { type Route, type UnknownNames, withoutUnknown } from './unknown-names.ts'

/** Largest body that is accepted. The events of acexy have less than 1 kB. */
const BODY_BYTES_MAX = 65_536

/**
 * How much of a body the server reads before it closes the connection without an answer. This is above our own limit, which
 * does answer.
 */
export const SERVER_BODY_BYTES_MAX = 8 * BODY_BYTES_MAX

/** How deep lists and objects may be nested. Accepted bodies have three levels. */
const DEPTH_MAX = 20

/**
 * How many members all lists and objects may have together. Accepted bodies have a few dozen. Each member may cost work of
 * its own.
 */
const MEMBERS_MAX = 1_000

const TOO_LARGE: Failure = {
  status: 413,
  code: 'too_large',
  message: `a body has ${BODY_BYTES_MAX} bytes at most`,
}
const NOT_RECEIVED: Failure = { status: 400, code: 'body_not_received', message: 'the body broke off' }
const bodyFailure = (msg: string, type: string): Failure => invalidFailure([{ loc: ['body'], msg, type }])

/** Refuses a body whose `Content-Length` is too large, before it is read. */
export const lengthGuard: Guard = ({ headers }) =>
  Number(headers.get('content-length') ?? 0) > BODY_BYTES_MAX ? problem(TOO_LARGE) : null

/**
 * Reads bodies in a time that grows with their size alone, whatever they contain: the bounds are checked before JSON is
 * parsed, and the first errors are found here, because Elysia's own check writes out the whole body for each error. A body
 * is read as JSON whatever its content type is, because people forget the header of `curl -d`. An empty body counts as an
 * empty object. The returned function throws FailureError if the body does not fit the route, or has a member that the
 * route does not know; what a tolerant route does not know is left out.
 */
export function bodiesOf(routes: readonly Route[], unknownNames: UnknownNames) {
  const schemas = new Map(
    routes.flatMap(({ method, path, hooks: { body } }) =>
      isSchema(body) ? [[`${method} ${path}`, body] as const] : [],
    ),
  )
  const checks = new Map<TSchema, TypeCheck<TSchema>>()
  return async (request: Request, route: string): Promise<unknown> => {
    const given = parsed(await textOf(request))
    const unknown = unknownNames.inBody(request, route, given)
    const schema = schemas.get(`${request.method} ${route}`)
    if (schema === undefined) return sound(given, unknown)
    const fits = checks.get(schema) ?? TypeCompiler.Compile(schema)
    checks.set(schema, fits)
    const body = withoutUnknown(schema, given)
    return sound(
      body,
      fits.Check(body) ? unknown : [...unknown, ...fieldsOf('body', Value.Errors(schema, body))],
    )
  }
}

/** The body, if nothing is wrong with it. */
function sound(body: unknown, wrong: readonly FieldProblem[]): unknown {
  if (wrong.length > 0) throw new FailureError(invalidFailure(wrong))
  return body
}

/** Body schemas are always objects here, never names of models. */
const isSchema = (body: unknown): body is TSchema => typeof body === 'object' && body !== null

async function textOf(request: Request): Promise<string> {
  const text = await request.text().catch(() => {
    // The caller has gone, or the server has already answered a body above its own limit.
    throw new FailureError(NOT_RECEIVED)
  })
  if (text.length > BODY_BYTES_MAX || Buffer.byteLength(text) > BODY_BYTES_MAX)
    throw new FailureError(TOO_LARGE)
  return text
}

function parsed(text: string): unknown {
  if (text.trim() === '') return {}
  const excess = excessOf(text)
  if (excess !== null) throw new FailureError(bodyFailure(excess, 'value_error'))
  try {
    return JSON.parse(text)
  } catch {
    throw new FailureError(bodyFailure('malformed JSON', 'json_invalid'))
  }
}

const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44

/** Says in words what a JSON text has too much of; null if nothing. Looks at each character once. */
function excessOf(text: string): string | null {
  let depth = 0
  let members = 1
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const letter = text.charCodeAt(at)
    if (letter === QUOTE) isQuoted = !isQuoted
    else if (isQuoted) at += letter === BACKSLASH ? 1 : 0
    else if (letter === COMMA) members++
    else depth += levelStep(letter)
    if (depth > DEPTH_MAX) return `must have at most ${DEPTH_MAX} levels, one in another`
  }
  return members > MEMBERS_MAX ? `must have at most ${MEMBERS_MAX} members in all` : null
}

/** `[` and `{` open a level (1), `]` and `}` close one (-1). */
function levelStep(letter: number): -1 | 0 | 1 {
  if (letter === 91 || letter === 123) return 1
  return letter === 93 || letter === 125 ? -1 : 0
}
