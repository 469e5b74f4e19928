import { createHash, timingSafeEqual } from 'node:crypto'
import type { Caller, CallerOf } from './callers.ts'
import { READS } from './doors.ts'
import type { Guard } from './entrance.ts'
import { type Failure, FailureError, problem } from './problems.ts'
import { pathOf } from './target.ts'

/** A request that was refused because of its key. */
export interface RefusedRequest {
  readonly status: number
  readonly method: string
  readonly path: string
  readonly caller: Caller
}

/** Resolves after `ms`, or at once when the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** How long a caller with a wrong key waits for the answer. */
const WRONG_KEY_MS = 250

/**
 * How many callers may wait at a time. Above this number a wrong key is answered at once, so that a flood of wrong keys has
 * a bounded cost.
 */
const WAITING_MAX = 256

/**
 * The accepted keys; none if the API is open. Keys are compared by their hashes, each in constant time, and never logged.
 * All routes share one instance, because it counts the callers that wait.
 */
export class Keys {
  readonly #digests: readonly Buffer[]
  #waiting = 0

  constructor(
    keys: readonly string[],
    private readonly sleep: Sleep,
  ) {
    this.#digests = keys.map(digest)
  }

  /** Says what is wrong with the key of a request; null if nothing is. */
  failureOf(request: Request): Failure | null {
    if (this.#digests.length === 0) return null
    const given = /^Bearer +(\S.*)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    if (given === undefined) return MISSING
    return this.#has(digest(given)) ? null : WRONG
  }

  /**
   * Delays the answer to a wrong key. Does not delay a right or a missing key, and stops waiting when the caller hangs up.
   */
  async slowDown(failure: Failure, { signal }: Request): Promise<void> {
    if (failure !== WRONG || this.#waiting >= WAITING_MAX) return
    this.#waiting++
    try {
      await this.sleep(WRONG_KEY_MS, signal)
    } finally {
      this.#waiting--
    }
  }

  /** Compares with every key, because the time must not tell which one matches. */
  #has(given: Buffer): boolean {
    return this.#digests.reduce((fits, each) => timingSafeEqual(given, each) || fits, false)
  }
}

/** Throws FailureError (401 or 403) unless the request carries a valid key. Never throws if no key is configured. */
export type RequireKey = (context: { readonly request: Request }) => Promise<void>

/** `onRefused` is called for each request that is refused here. */
export function requireKey(
  keys: Keys,
  onRefused: (refused: RefusedRequest) => void,
  callerOf: CallerOf,
): RequireKey {
  return async ({ request }) => {
    const failure = keys.failureOf(request)
    if (failure === null) return
    onRefused(refusedRequest(request, failure, callerOf(request)))
    await keys.slowDown(failure, request)
    throw new FailureError(failure)
  }
}

/**
 * Requires `Authorization: Bearer <key>` for every request that changes something, before its body is read. Reads are open.
 * A read that needs the key anyway checks it itself (`RequireKey`), because a list of paths here would miss other spellings
 * of a path. With `areReadsProtected` reads need the key too, except those of `OPEN_READS` in exactly this spelling.
 * `onRefused` is called for each request that is refused here.
 */
export function keyGuard(
  keys: Keys,
  areReadsProtected: boolean,
  onRefused: (refused: RefusedRequest) => void,
  callerOf: CallerOf,
): Guard {
  const refuse = async (request: Request, failure: Failure): Promise<Response> => {
    onRefused(refusedRequest(request, failure, callerOf(request)))
    await keys.slowDown(failure, request)
    return problem(failure)
  }
  return (request) => {
    if (READS.has(request.method) && !(areReadsProtected && needsKey(request))) return null
    const failure = keys.failureOf(request)
    return failure && refuse(request, failure)
  }
}

const refusedRequest = ({ method, url }: Request, { status }: Failure, caller: Caller): RefusedRequest => ({
  ...{ status, method, path: pathOf(url), caller },
})

/** Reads without a key: acexy asks for the status without its key, and container platforms have no key. */
export const OPEN_READS = ['/orchestrator/status', '/healthz', '/readyz']

/** The pages for people must load before anybody can enter the key. They tell nothing about this installation. */
const PUBLIC = /^\/(swagger(\/|\/json|\/assets\/[\w.-]+)?|panel(\/|\/assets\/[\w.-]+)?)?$/

function needsKey({ url, method }: Request): boolean {
  const path = pathOf(url)
  return method !== 'OPTIONS' && !OPEN_READS.includes(path) && !PUBLIC.test(path)
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const MISSING: Failure = {
  status: 401,
  code: 'missing_token',
  message: 'missing bearer token',
  headers: { 'www-authenticate': 'Bearer' },
}
const WRONG: Failure = { status: 403, code: 'invalid_token', message: 'invalid token' }
