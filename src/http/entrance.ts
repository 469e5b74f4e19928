import type { Caller } from './callers.ts'
import { doorsOf, READS } from './doors.ts'
import { type Failure, problem } from './problems.ts'
import { RequestIds } from './request-ids.ts'
import { shielded } from './shield.ts'
import type { Shortcuts } from './shortcuts.ts'
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
  /** Asked next, before the router. */
  readonly shortcuts: Shortcuts
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
  const { ids, guards, shortcuts, onTurnedAway, onAnswered, tellsReads, callerOf, now } = options
  const doors = doorsOf(options.hosts)
  const originals = new WeakMap<Request, Request>()
  const turnedAway = (failure: Failure, request: Request): Response => {
    onTurnedAway(failure, request)
    return problem(failure)
  }
  /** Refuses a request that came in; null if there is no reason to. */
  const refused = (request: Request, tidy: Request): Response | Promise<Response> | null => {
    if (tidy !== request) originals.set(tidy, request)
    for (const guard of guards) {
      const refusal = guard(tidy)
      if (refusal !== null) return refusal
    }
    return null
  }
  const enter = (route: Handle, request: Request, id: string): Response | Promise<Response> => {
    const failure = doors(request)
    if (failure !== null) return finished(turnedAway(failure, request), id)
    const tidy = tidied(request)
    if (tidy === null) return finished(turnedAway(NO_PATH, request), id)
    const refusal = refused(request, tidy)
    if (refusal !== null) return finishedLater(request, refusal, id)
    const short = shortcuts(tidy, id)
    if (short === null) return finishedLater(request, route(tidy), id)
    if (!(short instanceof Promise)) return short
    ids.keep(request, id)
    return short.then((answer) => answer ?? finishedLater(request, route(tidy), id))
  }
  const finishedLater = (
    request: Request,
    answer: Response | Promise<Response>,
    id: string,
  ): Response | Promise<Response> => {
    if (!(answer instanceof Promise)) return finished(answer, id)
    ids.keep(request, id)
    return answer.then((response) => finished(response, id))
  }
  /** Looks at a request now, and returns what tells of its answer. The address of a caller who has left is not known. */
  const telling = (request: Request): ((answer: Response) => Response) => {
    const startedMs = now()
    const told = { method: request.method, path: pathOf(request.url), caller: callerOf(request) }
    return (answer) => {
      onAnswered({ ...told, status: answer.status, ms: now() - startedMs })
      return answer
    }
  }
  return {
    around: (route) => (request) => {
      const id = ids.take(request)
      const tell = tellsReads || !READS.has(request.method) ? telling(request) : null
      const answer = enter(route, request, id)
      if (tell === null) return answer
      return answer instanceof Promise ? answer.then(tell) : tell(answer)
    },
    received: (request) => originals.get(request) ?? request,
  }
}

/** Adds the headers that every answer has. */
function finished(answer: Response, id: string): Response {
  answer.headers.set(RequestIds.header, id)
  return shielded(answer)
}
