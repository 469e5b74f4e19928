import { createHash, timingSafeEqual } from 'node:crypto'
import { Elysia } from 'elysia'
import type { AddressOf } from './callers.ts'
import { READS } from './doors.ts'
import { type Failure, FailureError, problem } from './problems.ts'
import { pathOf } from './target.ts'

/** A request that was refused for its key. */
export interface RefusedRequest {
  readonly status: number
  readonly method: string
  readonly path: string
  /** The address that it came from; null where the server does not tell. */
  readonly caller: string | null
}

/** Resolves after `ms`, or at once when the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** How long whoever brings a wrong key waits for the answer. */
const WRONG_KEY_MS = 250

/** Of those who wait; beyond them a wrong key is answered at once, so that a flood of them costs no more than that. */
const WAITING_MAX = 256

/**
 * The keys that are accepted, none for a door that is open. They are compared by their hashes, every one in constant time, and
 * never logged. There is one of these for all routes, since it counts who waits.
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

  /** What is wrong with the key of a request, or null. */
  failureOf(request: Request): Failure | null {
    if (this.#digests.length === 0) return null
    const given = /^Bearer +(\S.*)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    if (given === undefined) return MISSING
    return this.#has(digest(given)) ? null : WRONG
  }

  /** Lets the caller of a wrong key wait. Whoever has a right one or none, or hangs up, leaves at once. */
  async slowDown(failure: Failure, { signal }: Request): Promise<void> {
    if (failure !== WRONG || this.#waiting >= WAITING_MAX) return
    this.#waiting++
    try {
      await this.sleep(WRONG_KEY_MS, signal)
    } finally {
      this.#waiting--
    }
  }

  /** Looks at all of them, since the time that it takes must not tell which one fits. */
  #has(given: Buffer): boolean {
    return this.#digests.reduce((fits, each) => timingSafeEqual(given, each) || fits, false)
  }
}

/** Throws FailureError (401 or 403) unless the request carries a key; without a key configured it never does. */
export type RequireKey = (context: { readonly request: Request }) => Promise<void>

export function requireKey(keys: Keys): RequireKey {
  return async ({ request }) => {
    const failure = keys.failureOf(request)
    if (failure === null) return
    await keys.slowDown(failure, request)
    throw new FailureError(failure)
  }
}

/**
 * Asks for `Authorization: Bearer <key>` on everything that changes something, before the body is read. Reads are open;
 * a route that needs it all the same asks by itself (`RequireKey`), since a list of paths here would miss another spelling of
 * one. With `areReadsProtected` reads need it too, but for those of `OPEN_READS`: another spelling of those is asked for it.
 * `onRefused` hears of each that was refused here.
 */
export const auth = (
  keys: Keys,
  areReadsProtected: boolean,
  onRefused: (refused: RefusedRequest) => void,
  addressOf: AddressOf,
) =>
  new Elysia({ name: 'auth' }).onRequest(async ({ request, server }) => {
    if (READS.has(request.method) && !(areReadsProtected && needsKey(request))) return
    const failure = keys.failureOf(request)
    if (failure === null) return
    const { method, url } = request
    const caller = addressOf(request, server)
    onRefused({ status: failure.status, method, path: pathOf(url), caller })
    await keys.slowDown(failure, request)
    return problem(failure)
  })

/** acexy asks for the status without its key, and container platforms have none. */
export const OPEN_READS = ['/orchestrator/status', '/healthz', '/readyz']

/** Swagger UI has to be there before anybody can give it the key; it tells nothing of this installation. */
const PUBLIC = /^\/(swagger(\/json|\/assets\/[\w.-]+)?)?$/

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
