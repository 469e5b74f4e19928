import type { Refusal } from '../../core/provisioning/refusal.ts'
import { refusalRemedy } from '../../core/provisioning/remedies.ts'
import type { Log } from '../../lib/log.ts'
import { type Caller, callerMembers } from './caller.ts'
import type { Sparing } from './sparing.ts'

/** A request, by whom it came. */
interface Told {
  readonly method: string
  readonly path: string
  readonly caller: Caller
}

/** Requests that have lines of their own: what becomes of streams, and of engines for callers. */
const TOLD_ELSEWHERE = /^\/(?:events\/|provision\/acestream$)/

/** Requests that look only. */
const LOOKS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Answers to requests that were not taken for an order: anybody can send any number of them. */
const NO_ORDERS = new Set([400, 401, 403, 405, 413, 415, 422, 429])

const WHY: Readonly<Record<number, string>> = { 401: 'no key', 403: 'wrong key' }

/** How much of a path a line has. */
const PATH_MAX = 200

/** Tells in the log what callers ordered, and what they were refused. All other requests are lines for debugging. */
export class RequestLog {
  constructor(private readonly deps: { readonly log: Log; readonly sparing: Sparing }) {}

  answered({
    method,
    path,
    caller,
    status,
    ms,
  }: Told & { readonly status: number; readonly ms: number }): void {
    const isOrder = !LOOKS.has(method) && !TOLD_ELSEWHERE.test(path) && !NO_ORDERS.has(status)
    const fields = { status, ms, ...callerMembers(caller) }
    this.deps.log[isOrder ? 'info' : 'debug'](fields, `${method} ${shortened(path)}: ${status}`)
  }

  /** A request whose key was missing or wrong. One line per address and minute. */
  refused({ method, path, caller, status }: Told & { readonly status: number }): void {
    const { log, sparing } = this.deps
    const why = WHY[status] ?? 'refused'
    sparing.tell(`key ${status} ${caller.address}`, (times) =>
      log.warn(
        { status, ...timesOf(times), ...callerMembers(caller) },
        `${method} ${shortened(path)} was refused: ${why}`,
      ),
    )
  }

  /** A caller got no engine or container. One line per code and minute. */
  provisionRefused({ code, message }: Refusal, caller: Caller): void {
    const { log, sparing } = this.deps
    sparing.tell(`provision ${code}`, (times) =>
      log.warn(
        { code, remedy: refusalRemedy(code), ...timesOf(times), ...callerMembers(caller) },
        `no engine for a caller: ${message}`,
      ),
    )
  }
}

/** Said only where there were several. */
const timesOf = (times: number) => (times === 1 ? {} : { times })

const shortened = (path: string): string =>
  path.length > PATH_MAX ? `${path.slice(0, PATH_MAX).toWellFormed()}…` : path
