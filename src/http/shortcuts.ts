import type { Handle } from './entrance.ts'
import { searchOf, targetOf } from './target.ts'

/** A route, as the router lists it. */
interface Route {
  readonly method: string
  readonly path: string
  readonly handler: unknown
}

/** What the handlers of these routes use of a request. */
interface Asked {
  readonly request: Request
  readonly query: Readonly<Record<string, string>>
}

type Handler = (asked: Asked) => Response | Promise<Response>

/** What proxies, panels and monitors repeat, spelt as they do. */
const REPEATED = [
  ['/engines', '/engines'],
  ['/streams', '/streams?status=started'],
  ['/orchestrator/status', '/orchestrator/status'],
  ['/vpn/status', '/vpn/status'],
  ['/health/status', '/health/status'],
  ['/metrics', '/metrics'],
] as const

/** What acexy asks about each engine before it chooses one, by the id of its container or of its service. */
const QUESTION = /^\/streams\?container_id=([\da-z]{25}|[\da-f]{64})&status=started$/

interface Shortcut {
  readonly handler: Handler
  readonly query: Asked['query']
}

/**
 * Hands reads that are repeated to their handlers without the router, which costs more than these answers: no check of a
 * query is needed, and no part of a path. The router gets everything else, and what a handler fails at, to tell that.
 */
export function shortcutsOf(routes: readonly Route[], router: Handle): Handle {
  const shortcutOf = findShortcut(routes)
  return (request) => {
    const shortcut = request.method === 'GET' ? shortcutOf(targetOf(request.url)) : null
    if (shortcut === null) return router(request)
    try {
      const answer = shortcut.handler({ request, query: shortcut.query })
      return answer instanceof Promise ? answer.catch(() => router(request)) : answer
    } catch {
      return router(request)
    }
  }
}

function findShortcut(routes: readonly Route[]): (target: string) => Shortcut | null {
  const repeated = new Map<string, Shortcut>(
    REPEATED.map(([path, target]) => [
      target,
      { handler: handlerOf(routes, path), query: Object.fromEntries(searchOf(target)) },
    ]),
  )
  const handler = handlerOf(routes, '/streams')
  return (target) => {
    const known = repeated.get(target)
    if (known !== undefined) return known
    const [, id] = QUESTION.exec(target) ?? []
    return id === undefined ? null : { handler, query: { container_id: id, status: 'started' } }
  }
}

function handlerOf(routes: readonly Route[], wanted: string): Handler {
  const route = routes.find(({ method, path }) => method === 'GET' && path === wanted)
  if (route === undefined) throw new Error(`no route GET ${wanted}`)
  return route.handler as Handler
}
