import { doorsOf } from './doors.ts'
import { type Failure, problem } from './problems.ts'
import { tidied } from './target.ts'

/** Answers a request: the router, and what stands round it. */
type Handle = (request: Request) => Response | Promise<Response>

/** Hears of a request that was not let in at all, whatever its key. */
export type OnTurnedAway = (failure: Failure, request: Request) => void

interface Entrance {
  /** Everything that is asked goes through here: read once, turned away at the doors or given to the router, its answer shielded. */
  readonly around: (route: Handle) => Handle
  /** A request as it came in: of that alone the server knows the address. */
  readonly received: (request: Request) => Request
}

const NO_PATH: Failure = { status: 400, code: 'malformed_target', message: 'the request names no path' }

/** What stands before the router; `hosts` are those of `doorsOf`. */
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

/** What a browser may do with an answer that is no page: nothing. */
const POLICY = "default-src 'none'; frame-ancestors 'none'"

/** Keeps a browser from taking an answer for something else, or showing it in a page of others. A page has a policy of its own. */
export function shielded(answer: Response): Response {
  const { headers } = answer
  headers.set('x-content-type-options', 'nosniff')
  headers.set('referrer-policy', 'no-referrer')
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', POLICY)
  return answer
}
