import { doorsOf } from './doors.ts'
import { type Failure, problem } from './problems.ts'
import { tidied } from './target.ts'

/** Answers a request. Both the router and the entrance around it have this type. */
type Handle = (request: Request) => Response | Promise<Response>

/** Is called for each request that was not let in, whatever its key. */
export type OnTurnedAway = (failure: Failure, request: Request) => void

interface Entrance {
  /**
   * Wraps the router: reads the URL once, turns requests away or gives them to the router, and adds the shielding headers to
   * the answer.
   */
  readonly around: (route: Handle) => Handle
  /** The request as it came in. The server knows the address of this object only. */
  readonly received: (request: Request) => Request
}

const NO_PATH: Failure = { status: 400, code: 'malformed_target', message: 'the request names no path' }

/** Builds what stands before the router. `hosts` are those of `doorsOf`. */
export function entranceOf(hosts: readonly string[], onTurnedAway: OnTurnedAway): Entrance {
  const doors = doorsOf(hosts)
  const originals = new WeakMap<Request, Request>()
  const turnedAway = (failure: Failure, request: Request): Response => {
    onTurnedAway(failure, request)
    return problem(failure)
  }
  const enter = (route: Handle, request: Request): Response | Promise<Response> => {
    const failure = doors(request)
    if (failure !== null) return turnedAway(failure, request)
    const tidy = tidied(request)
    if (tidy === null) return turnedAway(NO_PATH, request)
    if (tidy !== request) originals.set(tidy, request)
    return route(tidy)
  }
  return {
    around: (route) => (request) => {
      const answer = enter(route, request)
      return answer instanceof Promise ? answer.then(shielded) : shielded(answer)
    },
    received: (request) => originals.get(request) ?? request,
  }
}

/** Forbids a browser everything for an answer that is not a page. */
const POLICY = "default-src 'none'; frame-ancestors 'none'"

/**
 * Adds headers that keep a browser from guessing another content type and from showing an answer inside a page of others. A
 * page keeps its own policy.
 */
export function shielded(answer: Response): Response {
  const { headers } = answer
  headers.set('x-content-type-options', 'nosniff')
  headers.set('referrer-policy', 'no-referrer')
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', POLICY)
  return answer
}
