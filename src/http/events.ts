import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { RefusedRequest } from './auth.ts'
import type { Caller, CallerOf } from './callers.ts'
import { InvalidProblem, Problem } from './problems.ts'
import { answerOf, Flag, Nullable, StreamState } from './schemas.ts'
import { EventLabels } from './text-maps.ts'
import { Name, ReportedStreamId, SessionUrl, StreamKey, Word } from './texts.ts'

const KeyType = Type.Union(
  [Type.Literal('content_id'), Type.Literal('infohash'), Type.Literal('url'), Type.Literal('magnet')],
  { description: 'What `key` is' },
)

/** Older versions of acexy send empty URLs for a start that failed. */
const Session = Type.Object(
  {
    playback_session_id: Word('Id of the session at the engine'),
    stat_url: SessionUrl('Where the engine tells the figures of the session; may be empty'),
    command_url: SessionUrl('Where the engine takes commands for the session; may be empty'),
    is_live: Type.Integer({ description: '0 for no live stream, any other number for one' }),
  },
  { title: 'ReportedSession', description: 'The session that the engine opened' },
)

const StartedEvent = Type.Object(
  {
    container_id: Type.Optional(Nullable(Word("Id of the engine's container"))),
    engine: Type.Object(
      {
        host: Name('Host name or address of the engine'),
        port: Type.Integer({ minimum: 0, maximum: 65_535, description: 'Port of its HTTP interface' }),
      },
      { title: 'ReportedEngine', description: 'The engine that plays it, as the list names it' },
    ),
    stream: Type.Object(
      { key_type: KeyType, key: StreamKey('What is played') },
      { title: 'ReportedStream', description: 'What is played' },
    ),
    session: Session,
    labels: Type.Optional(Nullable(EventLabels)),
  },
  { title: 'StreamStarted', description: 'A stream that a proxy started' },
)

const EndedEvent = Type.Object(
  {
    container_id: Type.Optional(Nullable(Word("Id of the engine's container; not used"))),
    stream_id: Type.Optional(Nullable(ReportedStreamId('Id of the stream; without one nothing ends'))),
    reason: Type.Optional(Nullable(Word('Why it ended; `unknown` without it'))),
  },
  { title: 'StreamEnded', description: 'A stream that ended at a proxy' },
)

const Ended = Type.Object(
  {
    updated: Flag('Whether a stream was ended by this'),
    stream: Nullable(StreamState, 'The ended stream; null when none of that id is started'),
  },
  {
    title: 'EndedStream',
    description: 'The ended stream; null and not updated when none of that id is started',
  },
)
const Started = answerOf(StreamState, 'The stream as it stands in the books')

type StreamView = Static<typeof StreamState>

/** What these routes need. */
export interface StreamEvents {
  start(
    event: {
      streamId: string | null
      keyType: string
      key: string
      playbackSessionId: string
      statUrl: string
      commandUrl: string
      isLive: boolean
      host: string
      port: number
      containerId: string | null
    },
    caller: Caller,
  ): Promise<StreamView>
  end(streamId: string, reason: string, caller: Caller): Promise<StreamView | null>
}

/**
 * Takes note of events that were refused because of their key. `path` is one of our own paths, whatever the request asked
 * for.
 */
export interface EventRefusals {
  refused(event: { status: 401 | 403; path: string; caller: string | null }): void
}

const PATHS = ['/events/stream_started', '/events/stream_ended']

/** Tells the refused events from the other refused requests. */
export const refusedRequests =
  (refusals: EventRefusals, onOther: (refused: RefusedRequest) => void) =>
  (request: RefusedRequest): void => {
    const { status, method, path, caller } = request
    if (method !== 'POST' || !path.startsWith('/events/')) {
      onOther(request)
      return
    }
    const known = PATHS.find((each) => each === path) ?? '/events/…'
    if (status === 401 || status === 403) refusals.refused({ status, path: known, caller: caller.address })
  }

const REFUSALS = { 401: Problem, 403: Problem, 413: Problem, 422: InvalidProblem, 429: Problem, 503: Problem }

export const eventRoutes = (books: StreamEvents, callerOf: CallerOf) =>
  new Elysia({ name: 'routes.events', tags: ['events'] })
    .post(
      '/events/stream_started',
      async ({ body, request }) => books.start(startOf(body), callerOf(request)),
      {
        body: StartedEvent,
        response: { 200: Started, ...REFUSALS },
        detail: {
          operationId: 'streamStarted',
          summary: 'Records that a proxy started a stream; a repetition changes nothing.',
          description: 'A stream of an engine that is none of ours is recorded, too.',
        },
      },
    )
    .post(
      '/events/stream_ended',
      async ({ body, request }) => {
        const id = body.stream_id ?? ''
        const reason = body.reason ?? 'unknown'
        const stream = id === '' ? null : await books.end(id, reason, callerOf(request))
        return { updated: stream !== null, stream }
      },
      {
        body: EndedEvent,
        response: { 200: Ended, ...REFUSALS },
        detail: {
          operationId: 'streamEnded',
          summary: 'Records that a stream ended; one that is not known or ended already is left as it is.',
          description: 'It does not stop the session at the engine; the proxy has done that.',
        },
      },
    )

function startOf({ container_id, engine, stream, session, labels }: Static<typeof StartedEvent>) {
  return {
    streamId: labels?.stream_id || null,
    keyType: stream.key_type,
    key: stream.key,
    playbackSessionId: session.playback_session_id,
    statUrl: session.stat_url,
    commandUrl: session.command_url,
    isLive: session.is_live !== 0,
    host: engine.host,
    port: engine.port,
    containerId: container_id ?? null,
  }
}
