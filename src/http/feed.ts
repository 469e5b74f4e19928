import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { AddressOf } from './callers.ts'
import { bodyOf, countedAddress, type Reader } from './lasting.ts'
import { type Failure, InvalidProblem, Problem, problem } from './problems.ts'
import { RequestHeaders } from './schemas.ts'

const Feed = Type.String({
  description:
    'Server-sent events. First `snapshot`: `{status, vpn, engines, streams}`, as the other answers have them, the started ' +
    'streams only. Then `journal`: an entry as in GET /events; and `engine`, `stream`, `status`, `vpn`: the record as it is ' +
    'now, an engine that is no more as `{container_id, container_name, removed: true}`. With a Last-Event-ID the entries ' +
    'after it come before the snapshot. `missed`: entries `from` to `to` do not come, since the reader was `slow`, they ' +
    'are `pruned`, or the id is an `unknown_id`; a snapshot follows. A comment every 5 s.',
  'x-media-type': 'text/event-stream',
})

/** What this route needs. */
export interface LiveFeed {
  /**
   * Returns null if there are too many readers, in total or from that address. A null address is not counted. Without
   * `limit` and `durationMs` the feed does not end by itself.
   */
  subscribe(request: {
    readonly afterId: number | null
    readonly limit: number | null
    readonly durationMs: number | null
    readonly address: string | null
  }): Reader | null
}

const EventId = Type.String({
  pattern: '^\\d{1,15}(\\.\\d{1,15})?$',
  'x-expected': 'the id of an event of this feed, like 123 or 123.4',
  description: 'The id of the last event that was got: what the journal has after it comes first',
})

const FeedQuery = Type.Object({
  last_event_id: Type.Optional(EventId),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9]\\d{0,4}|100000)$',
      'x-expected': 'a whole number from 1 to 100000',
      'x-shown': { type: 'integer', minimum: 1, maximum: 100_000 },
      description: 'Ends after so many events, 1 to 100000; without it it does not end',
    }),
  ),
  duration_s: Type.Optional(
    Type.String({
      pattern: '^([1-9]\\d{0,2}|[12]\\d{3}|3[0-5]\\d{2}|3600)$',
      'x-expected': 'a whole number from 1 to 3600',
      'x-shown': { type: 'integer', minimum: 1, maximum: 3_600 },
      description: 'Ends after so many seconds, 1 to 3600; without it it does not end',
    }),
  ),
})

const numberOrNull = (text: string | undefined): number | null => (text === undefined ? null : Number(text))

export const feedRoutes = (feed: LiveFeed, addressOf: AddressOf) =>
  new Elysia({ name: 'routes.feed', tags: ['journal'] }).get(
    '/events/stream',
    ({ query, headers, request }) => {
      const lastEventId = headers['last-event-id'] ?? query.last_event_id
      const seconds = numberOrNull(query.duration_s)
      const reader = feed.subscribe({
        // The part after the dot numbers changes of state, which are not kept.
        afterId: numberOrNull(lastEventId?.split('.')[0]),
        limit: numberOrNull(query.limit),
        durationMs: seconds === null ? null : seconds * 1_000,
        address: countedAddress(addressOf(request)),
      })
      return reader === null ? problem(TOO_MANY) : new Response(bodyOf(reader), { headers: FEED_HEADERS })
    },
    {
      query: FeedQuery,
      headers: RequestHeaders({ 'last-event-id': Type.Optional(EventId) }),
      response: { 200: Feed, 422: InvalidProblem, 503: Problem },
      detail: {
        operationId: 'streamEvents',
        summary: 'Tells what happens as it happens, as server-sent events; it does not end unless asked to.',
        description:
          'On the page of Swagger UI it ends after 10 seconds, unless `limit` or `duration_s` is given: the page asks for `duration_s=10` then, because it shows an answer only when it has ended.',
      },
    },
  )

const FEED_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache',
  // Otherwise nginx would hold the feed back until it has a page of it.
  'x-accel-buffering': 'no',
}

const TOO_MANY: Failure = {
  status: 503,
  code: 'too_many_subscribers',
  message: 'the feed has as many readers as it takes; close one, or ask GET /events',
  etaSeconds: 5,
  shouldWait: true,
}
