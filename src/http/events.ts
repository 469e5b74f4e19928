import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { RefusedRequest } from './auth.ts'
import { agentOf } from './callers.ts'
import { InvalidProblem, Problem } from './problems.ts'
import { Nullable, StreamState } from './schemas.ts'
import { EventLabels } from './text-maps.ts'
import { Name, ReportedStreamId, SessionUrl, StreamKey, Word } from './texts.ts'

const StartedEvent = Type.Object({
  container_id: Type.Optional(Nullable(Word())),
  engine: Type.Object({ host: Name(), port: Type.Integer({ minimum: 0, maximum: 65_535 }) }),
  stream: Type.Object({
    key_type: Type.Union([
      Type.Literal('content_id'),
      Type.Literal('infohash'),
      Type.Literal('url'),
      Type.Literal('magnet'),
    ]),
    key: StreamKey(),
  }),
  session: Type.Object({
    playback_session_id: Word(),
    // Older versions of acexy send empty URLs for a start that failed.
    stat_url: SessionUrl(),
    command_url: SessionUrl(),
    is_live: Type.Integer(),
  }),
  labels: Type.Optional(Nullable(EventLabels)),
})

const EndedEvent = Type.Object({
  container_id: Type.Optional(Nullable(Word())),
  stream_id: Type.Optional(Nullable(ReportedStreamId())),
  reason: Type.Optional(Nullable(Word())),
})

const Ended = Type.Object(
  { updated: Type.Boolean(), stream: Nullable(StreamState) },
  { description: 'The ended stream; null and not updated when none of that id is started' },
)
const Started = Type.Object(StreamState.properties, { description: 'The stream as it stands in the books' })

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
    agent: string,
  ): StreamView
  end(streamId: string, reason: string, agent: string): StreamView | null
}

/**
 * Takes note of events that were refused because of their key. `path` is one of our own paths, whatever the request asked
 * for.
 */
export interface EventRefusals {
  refused(event: { status: 401 | 403; path: string; caller: string | null }): void
}

const PATHS = ['/events/stream_started', '/events/stream_ended']

/** Picks the events out of the refused requests. */
export const refusedEvents =
  (refusals: EventRefusals) =>
  ({ status, method, path, caller }: RefusedRequest): void => {
    if (method !== 'POST' || !path.startsWith('/events/')) return
    const known = PATHS.find((each) => each === path) ?? '/events/…'
    if (status === 401 || status === 403) refusals.refused({ status, path: known, caller })
  }

const REFUSALS = { 401: Problem, 403: Problem, 413: Problem, 422: InvalidProblem, 429: Problem }

export const eventRoutes = (books: StreamEvents) =>
  new Elysia({ name: 'routes.events', tags: ['events'] })
    .post('/events/stream_started', ({ body, request }) => books.start(startOf(body), agentOf(request)), {
      body: StartedEvent,
      response: { 200: Started, ...REFUSALS },
      detail: {
        operationId: 'streamStarted',
        summary: 'Records that a proxy started a stream; a repetition changes nothing.',
      },
    })
    .post(
      '/events/stream_ended',
      ({ body, request }) => {
        const id = body.stream_id ?? ''
        const stream = id === '' ? null : books.end(id, body.reason ?? 'unknown', agentOf(request))
        return { updated: stream !== null, stream }
      },
      {
        body: EndedEvent,
        response: { 200: Ended, ...REFUSALS },
        detail: {
          operationId: 'streamEnded',
          summary: 'Records that a stream ended; one that is not known or ended already is left as it is.',
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
