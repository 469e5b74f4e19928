import type { TSchema } from '@sinclair/typebox'
import { nearest } from '../core/nearest.ts'
import { FIELDS_SOUGHT, type FieldProblem } from './problems.ts'
import { searchOf } from './target.ts'

/** What a route declares of its requests. */
interface Hooks {
  readonly body?: unknown
  readonly query?: unknown
}

/** A route, as the router lists it. Its schemas are always objects here, never names of models. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly hooks: Hooks
}

/**
 * What proxies and platforms ask for. Another version of acexy may send more than we know, and must not be refused for that;
 * platforms and caches add parameters of their own.
 */
const TOLERANT: ReadonlySet<string> = new Set([
  'POST /provision/acestream',
  'POST /events/stream_started',
  'POST /events/stream_ended',
  'GET /engines',
  'GET /streams',
  'GET /orchestrator/status',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
])

/** HEAD is answered by the route of GET. */
const operationOf = (method: string, route: string): string =>
  `${method === 'HEAD' ? 'GET' : method} ${route}`

/** Whether this operation passes over parameters and members that it does not know. */
export const isTolerant = (method: string, path: string): boolean => TOLERANT.has(operationOf(method, path))

/**
 * Finds what is wrong with the names of a request: what its route does not know, and what is given more than once. Nothing for
 * a route that is tolerant or not in the list. Stops when it has more than an answer names.
 */
export function unknownNamesOf(routes: readonly Route[]) {
  const all = new Map(routes.map(({ method, path, hooks }) => [`${method} ${path}`, hooks]))
  const hooksOf = ({ method }: Request, route: string) => all.get(operationOf(method, route))
  const strictOf = (request: Request, route: string) =>
    isTolerant(request.method, route) ? undefined : hooksOf(request, route)
  return {
    /** The parameters of the query that are unknown, and the known ones that are given more than once. */
    inQuery(request: Request, route: string): readonly FieldProblem[] {
      const hooks = request.url.includes('?') ? strictOf(request, route) : undefined
      return hooks === undefined ? [] : [...wrongParameters(hooks, searchOf(request.url)).take(FIELDS_SOUGHT)]
    },
    /** The unknown members of a body. */
    inBody(request: Request, route: string, body: unknown): readonly FieldProblem[] {
      const hooks = strictOf(request, route)
      return hooks === undefined ? [] : [...wrongMembers(hooks, body).take(FIELDS_SOUGHT)]
    },
    /** Takes the unknown parameters out of a query, before it is compared with its schema. */
    dropInQuery(request: Request, route: string, query: Record<string, unknown>): void {
      const hooks = hooksOf(request, route)
      const shape = hooks === undefined ? null : shapeOf(hooks.query)
      if (shape === null) return
      for (const name of Object.keys(query)) if (!Object.hasOwn(shape, name)) delete query[name]
    },
  }
}

export type UnknownNames = ReturnType<typeof unknownNamesOf>

function* wrongParameters({ query, body }: Hooks, given: URLSearchParams): Generator<FieldProblem> {
  const known = namesOf(query)
  const names = [...given.keys()]
  for (const name of new Set(names)) {
    const times = names.filter((each) => each === name).length
    const loc = ['query', name]
    if (!known.includes(name))
      yield problemOf(loc, 'is not a parameter of this endpoint', known, {
        part: 'body',
        names: namesOf(body),
      })
    else if (times > 1) yield { loc, msg: `is given ${times} times; give it once`, type: 'value_error' }
  }
}

function* wrongMembers({ query, body: schema }: Hooks, body: unknown): Generator<FieldProblem> {
  if (schema === undefined && body !== null && !isObject(body)) {
    const msg = 'must be left out or an empty object, since this endpoint takes none'
    yield { loc: ['body'], msg, type: 'value_error' }
  }
  yield* unknownMembers(schema, body, ['body'], { part: 'query', names: namesOf(query) })
}

/** The other part of a request, where a name may belong. */
interface OtherPart {
  readonly part: 'query' | 'body'
  readonly names: readonly string[]
}

/**
 * Lists the members of a value that a schema does not know, also those of its members. A map may have any. Without a schema
 * none is known. `at` leads to the value.
 */
export function* unknownMembers(
  schema: unknown,
  value: unknown,
  at: readonly string[],
  other?: OtherPart,
): Generator<FieldProblem> {
  const shape = shapeOf(schema)
  if (shape === null || !isObject(value)) return
  const whole = at.length === 1 ? 'this body' : at.at(-1)
  for (const [name, member] of Object.entries(value)) {
    const loc = [...at, name]
    if (Object.hasOwn(shape, name)) yield* unknownMembers(shape[name], member, loc)
    else yield problemOf(loc, `is not a member of ${whole}`, Object.keys(shape), other)
  }
}

/**
 * The value without what `unknownMembers` would list. TypeBox leaves in it what every object inherits, such as `constructor`,
 * and refuses it afterwards.
 */
export function withoutUnknown(schema: unknown, value: unknown): unknown {
  const shape = shapeOf(schema)
  if (shape === null || !isObject(value)) return value
  const known = Object.entries(value).filter(([name]) => Object.hasOwn(shape, name))
  return Object.fromEntries(known.map(([name, member]) => [name, withoutUnknown(shape[name], member)]))
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The members that an object has by its schema, also one that may be null. Null for everything else, such as a map. */
function shapeOf(schema: unknown): Readonly<Record<string, TSchema>> | null {
  if (schema === undefined) return {}
  const { properties, anyOf = [] } = schema as TSchema
  return properties ?? anyOf.find((each: TSchema) => each.properties !== undefined)?.properties ?? null
}

const namesOf = (schema: unknown): readonly string[] => Object.keys(shapeOf(schema) ?? {})

function problemOf(
  loc: readonly string[],
  fact: string,
  known: readonly string[],
  other: OtherPart = { part: 'body', names: [] },
): FieldProblem {
  return { loc, msg: `${fact}; ${hintOf(loc.at(-1) ?? '', known, other)}`, type: 'value_error' }
}

/** What was probably meant; otherwise all that there is. */
function hintOf(name: string, known: readonly string[], { part, names }: OtherPart): string {
  const here = nearest(name, known)
  if (here !== undefined) return `did you mean ${here}?`
  const there = nearest(name, names)
  if (there !== undefined) return `did you mean ${there} of the ${part}?`
  if (known.length > 0) return `it takes ${known.join(', ')}`
  return names.length > 0 ? `it takes none, and the ${part} takes ${names.join(', ')}` : 'it takes none'
}
