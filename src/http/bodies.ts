import type { TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { Value } from '@sinclair/typebox/value'
import { type Failure, FailureError, fieldsOf, invalidFailure } from './problems.ts'

/** Largest body taken; acexy's events have less than 1 kB. */
const BODY_BYTES_MAX = 65_536

/** What the server may read of a body before it hangs up by itself, without a word. Above our own limit, which answers. */
export const SERVER_BODY_BYTES_MAX = 8 * BODY_BYTES_MAX

/** Lists in lists; what is taken has three levels. */
const DEPTH_MAX = 20

/** Of all lists and objects together; what is taken has some dozens. Each may cost work of its own. */
const MEMBERS_MAX = 1_000

const TOO_LARGE: Failure = {
  status: 413,
  code: 'too_large',
  message: `a body has ${BODY_BYTES_MAX} bytes at most`,
}
const NOT_RECEIVED: Failure = { status: 400, code: 'body_not_received', message: 'the body broke off' }
const bodyFailure = (msg: string, type: string): Failure => invalidFailure([{ loc: ['body'], msg, type }])

/** What is told to be too large is refused before it is read. */
export const lengthFailure = ({ headers }: Request): Failure | null =>
  Number(headers.get('content-length') ?? 0) > BODY_BYTES_MAX ? TOO_LARGE : null

/**
 * Reads bodies, in a time that grows with their size alone, whatever is in them: bounds come before the parser, and the first errors
 * are looked for here, since Elysia's own check writes down the whole body for each. Bodies are JSON whatever their content type says:
 * people forget the header of `curl -d`. None is an empty object. What is read throws FailureError where it does not fit the route.
 */
export function bodiesOf(
  routes: readonly { readonly method: string; readonly path: string; readonly hooks: { body?: unknown } }[],
) {
  const schemas = new Map(
    routes.flatMap(({ method, path, hooks: { body } }) =>
      isSchema(body) ? [[`${method} ${path}`, body] as const] : [],
    ),
  )
  const checks = new Map<TSchema, TypeCheck<TSchema>>()
  return async (request: Request, route: string): Promise<unknown> => {
    const given = parsed(await textOf(request))
    const schema = schemas.get(`${request.method} ${route}`)
    if (schema === undefined) return given
    const fits = checks.get(schema) ?? TypeCompiler.Compile(schema)
    checks.set(schema, fits)
    if (fits.Check(given)) return given
    // Members that are not known are dropped, as Elysia does before its check.
    const body = Value.Clean(schema, given)
    const fields = fieldsOf('body', Value.Errors(schema, body))
    if (fields.length > 0) throw new FailureError(invalidFailure(fields))
    return body
  }
}

/** The schemas of bodies are objects all, and no names of models. */
const isSchema = (body: unknown): body is TSchema => typeof body === 'object' && body !== null

async function textOf(request: Request): Promise<string> {
  const text = await request.text().catch(() => {
    // Nobody is there any more, or the server has answered already what is beyond its own bound.
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

/** What a JSON text has too much of, in words; null for none. Each letter is looked at once. */
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

/** Of `[` and `{` one down, of `]` and `}` one up. */
function levelStep(letter: number): -1 | 0 | 1 {
  if (letter === 91 || letter === 123) return 1
  return letter === 93 || letter === 125 ? -1 : 0
}
