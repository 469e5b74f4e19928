import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { RequireKey } from './auth.ts'
import type { AddressOf, KeepOpen } from './callers.ts'
import { parseIsoTime } from './iso-time.ts'
import { bodyOf, countedAddress, type Reader } from './lasting.ts'
import { type Failure, InvalidProblem, Problem, problem } from './problems.ts'
import { wrongTime } from './queries.ts'
import { Moment, Name } from './texts.ts'

/** Which lines of a log are asked for, and by whom. */
interface LogRequest {
  readonly idOrName: string
  readonly lines: number
  readonly sinceMs?: number
  /** Whether the output of each line follows its time. */
  readonly isNamed: boolean
  /** The address whose readers are counted; null if they are not. */
  readonly address: string | null
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal
}

/** What this route needs. Its functions ask Docker, and return null if too many logs are read already. */
export interface ContainerLogs {
  read(request: LogRequest): Promise<string | null>
  follow(request: LogRequest): Promise<Reader | null>
}

const DEFAULT_LINES = 200

const Log = Type.String({
  description:
    'The lines, oldest first. Each begins with its time and a blank, with `outputs` also with `stdout` or `stderr` and a ' +
    'blank. A line has 4096 characters at most, and what looks like a secret is masked. Terminal colours are left out',
})

const LogQuery = Type.Object({
  tail: Type.Optional(
    Type.String({
      pattern: '^([1-9]\\d{0,2}|1\\d{3}|2000)$',
      'x-expected': 'a whole number from 1 to 2000',
      'x-shown': { type: 'integer', minimum: 1, maximum: 2_000 },
      description: `The newest so many lines, 1 to 2000; ${DEFAULT_LINES} without it`,
    }),
  ),
  since: Type.Optional(Moment("Only lines from this ISO 8601 time on, by Docker's clock")),
  follow: Type.Optional(
    Type.String({
      pattern: '^(true|false)$',
      'x-expected': 'true or false',
      'x-shown': { type: 'boolean' },
      description: 'Whether the answer goes on with every further line; false without it',
    }),
  ),
  outputs: Type.Optional(
    Type.String({
      pattern: '^(true|false)$',
      'x-expected': 'true or false',
      'x-shown': { type: 'boolean' },
      description:
        'Whether `stdout` or `stderr` and a blank follow the time of each line; false without it. Lines of a container ' +
        'with a terminal never have them',
    }),
  ),
})

export const containerLogRoutes = (
  logs: ContainerLogs,
  requireKey: RequireKey,
  { addressOf, keepOpen }: { readonly addressOf: AddressOf; readonly keepOpen: KeepOpen },
) =>
  new Elysia({ name: 'routes.container-logs', tags: ['containers'] }).get(
    '/containers/:id/logs',
    async ({ params, query, request }) => {
      const sinceMs = query.since === undefined ? undefined : parseIsoTime(query.since)
      if (sinceMs === null) return wrongTime('since')
      const asked = {
        ...requested(params.id, query, sinceMs),
        address: countedAddress(addressOf(request)),
        signal: request.signal,
      }
      if (query.follow !== 'true') return answerOf(await logs.read(asked))
      // A container may be silent for minutes, and the answer is as long as it is.
      keepOpen(request)
      const reader = await logs.follow(asked)
      return answerOf(reader && bodyOf(reader))
    },
    {
      // A log may hold anything, so it needs the key. The key is checked before the query is validated.
      transform: requireKey,
      params: Type.Object({
        id: Name('Container id (whole, or 12 characters of it and more) or name'),
      }),
      query: LogQuery,
      response: {
        200: Log,
        401: Problem,
        403: Problem,
        404: Problem,
        422: InvalidProblem,
        500: Problem,
        503: Problem,
      },
      detail: {
        operationId: 'getContainerLogs',
        summary:
          'Gives the log of one of our containers: its newest lines, and with `follow` what it writes.',
        description:
          'It asks Docker, and knows engines and generic containers. The answer needs the key although it only reads. ' +
          'It has 512 KiB at most, the newest lines. With `follow` it ends when the container ends, after 4 minutes, or when ' +
          'the reader leaves; it goes on with 64 KiB a second at most, and nothing is lost, only later. To go on, ask again ' +
          'with the time of the last line as `since`.',
      },
    },
  )

const requested = (
  idOrName: string,
  { tail, outputs }: Static<typeof LogQuery>,
  sinceMs: number | undefined,
): Pick<LogRequest, 'idOrName' | 'lines' | 'sinceMs' | 'isNamed'> => ({
  idOrName,
  lines: tail === undefined ? DEFAULT_LINES : Number(tail),
  isNamed: outputs === 'true',
  ...(sinceMs === undefined ? {} : { sinceMs }),
})

const LOG_HEADERS = {
  'content-type': 'text/plain; charset=utf-8',
  'cache-control': 'no-store',
  // Otherwise nginx would hold the lines back until it has a page of them.
  'x-accel-buffering': 'no',
}

const TOO_MANY: Failure = {
  status: 503,
  code: 'too_many_subscribers',
  message: 'as many logs are being read as may be at a time; close one, or ask again',
  etaSeconds: 5,
  shouldWait: true,
}

const answerOf = (body: string | ReadableStream | null): Response =>
  body === null ? problem(TOO_MANY) : new Response(body, { headers: LOG_HEADERS })
