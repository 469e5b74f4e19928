import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type FieldProblem, invalid } from './problems.ts'
import type { UnknownNames } from './unknown-names.ts'

/** The length of a page in a query. It is a text, like everything in a query. */
export const PageLimit = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: '^([1-9]\\d{0,2}|1000)$',
      'x-expected': 'a whole number from 1 to 1000',
      'x-shown': { type: 'integer', minimum: 1, maximum: 1_000 },
      description,
    }),
  )

/** The answer to an invalid parameter of a query. */
export const wrongQuery = (name: string, msg: string): Response => {
  const field: FieldProblem = { loc: ['query', name], msg, type: 'value_error' }
  return invalid([field])
}

/** The answer to a parameter of a query that is not a valid time. */
export const wrongTime = (name: string): Response => wrongQuery(name, 'not an ISO 8601 time')

/**
 * Refuses a parameter that a route does not know or that is given twice, after the route's own check of the key. If the query
 * is invalid besides, `problems` names everything together. Before that, what is unknown is taken out of the query, because
 * Elysia refuses on every route the names that all objects inherit.
 */
export const knownParameters = (unknownNames: Pick<UnknownNames, 'inQuery' | 'dropInQuery'>) =>
  new Elysia({ name: 'known-parameters' })
    .onTransform({ as: 'global' }, ({ request, route, query }) => {
      if (request.url.includes('?')) unknownNames.dropInQuery(request, route, query)
    })
    .onBeforeHandle({ as: 'global' }, ({ request, route }) => {
      const unknown = unknownNames.inQuery(request, route)
      if (unknown.length > 0) return invalid(unknown)
    })
