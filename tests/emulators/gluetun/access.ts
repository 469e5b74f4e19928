import type { Dialect } from './dialect.ts'
import { knownRoutes } from './known-routes.ts'
import { type ControlRequest, errorReply, pathOf, type Reply } from './reply.ts'
import type { Role, Roles } from './roles.ts'

/** Gives the refusal of a request, or null where it may pass. */
export type Admission = (request: ControlRequest) => Reply | null

/**
 * The layer before all handlers. It takes the path as it is (a slash at its end makes another path), refuses routes
 * that there are not before it looks at any key, and lets a request pass when one of the route's roles does.
 */
export function createGate(dialect: Dialect, roles: Roles): Admission {
  // Versions without roles have no such layer: their handlers answer for themselves.
  if (!dialect.readsRoleFile) return () => null
  const known = knownRoutes(dialect)
  const isOpen = roles.file.length === 0 && roles.fallback === null && dialect.openWithoutRoles
  return (request) => {
    const path = pathOf(request.target)
    const route = `${request.method} ${path}`
    if (!known.all.has(route)) return refuseUnknown(path, known.all, dialect)
    if (isOpen && known.open.has(route)) return null
    return refuseStranger(request, rolesOf(route, roles))
  }
}

function refuseUnknown(path: string, known: ReadonlySet<string>, { unknownRoute }: Dialect): Reply {
  if (unknownRoute === 'unauthorized') return errorReply(401, 'Unauthorized')
  const isPath = [...known].some((route) => route.endsWith(` ${path}`))
  return isPath ? errorReply(405, 'Method Not Allowed') : errorReply(404, 'Not Found')
}

/** The default role stands in where no other role names the route; it opens no route of theirs. */
function rolesOf(route: string, { file, fallback }: Roles): readonly Role[] {
  const covering = file.filter(({ routes }) => routes.includes(route))
  return covering.length === 0 && fallback !== null ? [fallback] : covering
}

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="restricted", charset="UTF-8"' }

function refuseStranger(request: ControlRequest, roles: readonly Role[]): Reply | null {
  const verdicts = roles.map((role) => verdict(role, request))
  if (verdicts.includes('passes')) return null
  return errorReply(401, 'Unauthorized', verdicts.includes('challenged') ? CHALLENGE : {})
}

/** A basic role challenges who says nothing of use, not who says something wrong. */
function verdict(role: Role, request: ControlRequest): 'passes' | 'refused' | 'challenged' {
  if (role.auth === 'none') return 'passes'
  if (role.auth === 'apikey') return apiKey(request) === role.apikey ? 'passes' : 'refused'
  const credentials = basicCredentials(request.headers.get('Authorization') ?? '')
  if (credentials === null) return 'challenged'
  return credentials === `${role.username}:${role.password}` ? 'passes' : 'refused'
}

/** The key of the query counts where there is none in the header; most handlers then stumble over the query. */
const apiKey = ({ headers, target }: ControlRequest): string =>
  headers.get('X-API-Key') || (new URLSearchParams(target.split('?')[1] ?? '').get('api_key') ?? '')

function basicCredentials(header: string): string | null {
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header) ?? []
  const text = Buffer.from(encoded, 'base64').toString()
  return text.includes(':') ? text : null
}
