import type { TSchema } from '@sinclair/typebox'
import { nearest } from '../core/nearest.ts'
import { FIELDS_SOUGHT, type FieldProblem } from './problems.ts'
import { searchOf } from './target.ts'

/** A route, as the router lists it. Its schemas are always objects here, never names of models. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly hooks: { readonly body?: unknown; readonly query?: unknown }
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

/** Whether this operation passes over parameters and members that it does not know. */
export const isTolerant = (method: string, path: string): boolean => TOLERANT.has(`${method} ${path}`)

/**
 * Finds what a request has and its route does not know; nothing for a route that is tolerant or not in the list. Stops when
 * it has more than an answer names.
 */
export function unknownNamesOf(routes: readonly Route[]) {
  const strict = new Map(
    routes.flatMap(({ method, path, hooks }) =>
      isTolerant(method, path) ? [] : [[`${method} ${path}`, hooks] as const],
    ),
  )
  const hooksOf = ({ method }: Request, route: string) =>
    strict.get(`${method === 'HEAD' ? 'GET' : method} ${route}`)
  return {
    /** The unknown parameters of the query. */
    inQuery(request: Request, route: string): readonly FieldProblem[] {
      const hooks = request.url.includes('?') ? hooksOf(request, route) : undefined
      if (hooks === undefined) return []
      const known = Object.keys(shapeOf(hooks.query) ?? {})
      const unknown = new Set(searchOf(request.url).keys()).difference(new Set(known))
      return [...unknown]
        .slice(0, FIELDS_SOUGHT)
        .map((name) => problemOf(['query', name], 'is not a parameter of this endpoint', known))
    },
    /** The unknown members of a body. */
    inBody(request: Request, route: string, body: unknown): readonly FieldProblem[] {
      const hooks = hooksOf(request, route)
      return hooks === undefined ? [] : [...unknownMembers(hooks.body, body, ['body']).take(FIELDS_SOUGHT)]
    },
  }
}

export type UnknownNames = ReturnType<typeof unknownNamesOf>

/**
 * Lists the members of a value that a schema does not know, also those of its members. A map may have any. Without a schema
 * none is known. `at` leads to the value.
 */
export function* unknownMembers(
  schema: unknown,
  value: unknown,
  at: readonly string[],
): Generator<FieldProblem> {
  const shape = shapeOf(schema)
  if (shape === null || typeof value !== 'object' || value === null || Array.isArray(value)) return
  const whole = at.length === 1 ? 'this body' : at.at(-1)
  for (const [name, member] of Object.entries(value)) {
    const loc = [...at, name]
    if (Object.hasOwn(shape, name)) yield* unknownMembers(shape[name], member, loc)
    else yield problemOf(loc, `is not a member of ${whole}`, Object.keys(shape))
  }
}

/** The members that an object has by its schema, also one that may be null. Null for everything else, such as a map. */
function shapeOf(schema: unknown): Readonly<Record<string, TSchema>> | null {
  if (schema === undefined) return {}
  const { properties, anyOf = [] } = schema as TSchema
  return properties ?? anyOf.find((each: TSchema) => each.properties !== undefined)?.properties ?? null
}

function problemOf(loc: readonly string[], fact: string, known: readonly string[]): FieldProblem {
  const meant = nearest(loc.at(-1) ?? '', known)
  const taken = known.length === 0 ? 'none' : known.join(', ')
  return {
    loc,
    msg: `${fact}; ${meant === undefined ? `it takes ${taken}` : `did you mean ${meant}?`}`,
    type: 'value_error',
  }
}
