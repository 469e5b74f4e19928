import type { Caller } from './callers.ts'
import { doorsOf, READS } from './doors.ts'
import { type Failure, problem } from './problems.ts'
import { RequestIds } from './request-ids.ts'
import { shielded } from './shield.ts'
import { pathOf, tidied } from './target.ts'

/** Answers a request. Both the router and the entrance around it have this type. */
export type Handle = (request: Request) => Response | Promise<Response>

/** Is called for each request that was not let in, whatever its key. */
export type OnTurnedAway = (failure: Failure, request: Request) => void

/** A request that was answered. `ms`: from its arrival to the answer, or to its first part. */
export interface AnsweredRequest {
  readonly method: string
  readonly path: string
  readonly caller: Caller
  readonly status: number
  readonly ms: number
}

/** Answers a request that is refused; null lets it in. */
export type Guard = (request: Request) => Response | Promise<Response> | null

interface EntranceOptions {
  /** Further hosts for `doorsOf`. */
  readonly hosts: readonly string[]
  readonly ids: RequestIds
  /** Asked in this order, once the URL is tidy. They stand before the router, which costs reads less than its hooks. */
  readonly guards: readonly Guard[]
  readonly onTurnedAway: OnTurnedAway
  /** Is told of each request that changes something; of reads, too, if `tellsReads`. */
  readonly onAnswered: (answered: AnsweredRequest) => void
  readonly tellsReads: boolean
  readonly callerOf: (request: Request) => Caller
  /** Milliseconds. */
  readonly now: () => number
}

interface Entrance {
  /**
   * Wraps the router: reads the URL once, turns requests away, refuses them or gives them to the router, and adds the shielding
   * headers to the answer, with the id of the request among them.
   */
  readonly around: (route: Handle) => Handle
  /** The request as it came in. The server knows the address of this object only. */
  readonly received: (request: Request) => Request
}

const NO_PATH: Failure = { status: 400, code: 'malformed_target', message: 'the request names no path' }

/** Builds what stands before the router. */
export function entranceOf(options: EntranceOptions): Entrance {
  const { ids, guards, onTurnedAway, onAnswered, tellsReads, callerOf, now } = options
  const doors = doorsOf(options.hosts)
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
    for (const guard of guards) {
      const refused = guard(tidy)
      if (refused !== null) return refused
    }
    return route(tidy)
  }
  /** Looks at a request now, and returns what tells of its answer. The address of a caller who has left is not known. */
  const telling = (request: Request): ((status: number) => void) => {
    const startedMs = now()
    const told = { method: request.method, path: pathOf(request.url), caller: callerOf(request) }
    return (status) => onAnswered({ ...told, status, ms: now() - startedMs })
  }
  return {
    around: (route) => (request) => {
      const id = ids.take(request)
      const tell = tellsReads || !READS.has(request.method) ? telling(request) : null
      const finish = (answer: Response): Response => {
        tell?.(answer.status)
        answer.headers.set(RequestIds.header, id)
        return shielded(answer)
      }
      const answer = enter(route, request)
      return answer instanceof Promise ? answer.then(finish) : finish(answer)
    },
    received: (request) => originals.get(request) ?? request,
  }
}
