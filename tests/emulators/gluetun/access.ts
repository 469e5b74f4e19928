import type { Dialect } from './dialect.ts'
import { knownRoutes } from './known-routes.ts'
import { type ControlRequest, errorReply, pathOf, type Reply } from './reply.ts'
import type { Role, Roles } from './roles.ts'

/** Returns the refusal of a request, or null if it may pass. */
export type Admission = (request: ControlRequest) => Reply | null

/**
 * Creates the layer before all handlers. It compares the path unchanged (a slash at the end makes another path), refuses
 * unknown routes before it checks a key, and lets a request pass if one of the route's roles accepts it.
 */
export function createGate(dialect: Dialect, roles: Roles): Admission {
  // Versions without roles have no such layer. Their handlers answer all requests.
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

/** The default role covers routes that no other role names. It opens no route of another role. */
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

/** A basic role challenges requests without usable credentials, but not those with wrong ones. */
function verdict(role: Role, request: ControlRequest): 'passes' | 'refused' | 'challenged' {
  if (role.auth === 'none') return 'passes'
  if (role.auth === 'apikey') return apiKey(request) === role.apikey ? 'passes' : 'refused'
  const credentials = basicCredentials(request.headers.get('Authorization') ?? '')
  if (credentials === null) return 'challenged'
  return credentials === `${role.username}:${role.password}` ? 'passes' : 'refused'
}

/** The key of the query counts if the header has none. Most handlers then fail because of the query. */
const apiKey = ({ headers, target }: ControlRequest): string =>
  headers.get('X-API-Key') || (new URLSearchParams(target.split('?')[1] ?? '').get('api_key') ?? '')

function basicCredentials(header: string): string | null {
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header) ?? []
  const text = Buffer.from(encoded, 'base64').toString()
  return text.includes(':') ? text : null
}
