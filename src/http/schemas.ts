import { Kind, type TProperties, type TSchema, Type } from '@sinclair/typebox'

/*
 * The shapes of requests and answers, with the names of the API contract. They use `Type.*` and not Elysia's coercing `t.*`,
 * so that an integer is only an integer, as acexy's decoder requires.
 *
 * The API document is written from them. A `title` makes a shape a named one there, `x-shown` replaces what a check needs by
 * what a reader needs, and `x-answer` describes an answer whose shape has a description of its own.
 */

/**
 * The headers that a route reads. A request has any others, also with names that every object inherits, such as
 * `constructor`.
 */
export const RequestHeaders = <Headers extends TProperties>(headers: Headers) =>
  Type.Object(headers, { additionalProperties: true })

/** What the schema says, or null. A description belongs to the member, also if the shape is a named one. */
export const Nullable = <Schema extends TSchema>(schema: Schema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description })

/** The same shape as the answer of one operation; `description` says what it tells there. */
export const answerOf = <Schema extends TSchema>(schema: Schema, description: string): Schema => ({
  ...schema,
  'x-answer': description,
})

/**
 * A text that is one of a list. The document and the types know the list; an answer is only checked to be a text, so that
 * long lists cost nothing.
 */
export const WordOf = <const Word extends string>(words: readonly Word[], description: string) =>
  Type.Unsafe<Word>({ [Kind]: 'String', type: 'string', enum: words, description })

export const Text = (description: string) => Type.String({ description })
export const Flag = (description: string) => Type.Boolean({ description })
export const Time = (description: string) => Type.String({ format: 'date-time', description })
export const Port = (description: string) => Type.Integer({ minimum: 0, maximum: 65_535, description })
export const Count = (description: string) => Type.Integer({ minimum: 0, description })
export const Seconds = (description: string) => Type.Number({ description })
export const NullableText = (description: string) => Nullable(Type.String(), description)
export const NullableTime = (description: string) =>
  Nullable(Type.String({ format: 'date-time' }), description)
export const NullableCount = (description: string) => Nullable(Type.Integer({ minimum: 0 }), description)
export const NullablePort = (description: string) =>
  Nullable(Type.Integer({ minimum: 0, maximum: 65_535 }), description)
const Labels = (description: string) =>
  Type.Record(Type.String(), Type.String({ description: 'A value' }), { description })

export const ContainerId = () => NullableText('Id of its container; null while it has none')
export const HealthWord = (description: string) =>
  Type.Union([Type.Literal('healthy'), Type.Literal('unhealthy'), Type.Literal('unknown')], { description })
export const EngineStatus = () =>
  Type.Union(
    [
      Type.Literal('provisioning'),
      Type.Literal('starting'),
      Type.Literal('ready'),
      Type.Literal('draining'),
      Type.Literal('gone'),
      Type.Literal('failed'),
    ],
    { description: 'What it is doing; `gone` and `failed` are history' },
  )

export const EngineState = Type.Object(
  {
    container_id: ContainerId(),
    container_name: NullableText('Name of its container'),
    host: Text('Host name or address at which proxies reach it'),
    port: Port('Port of its HTTP interface at `host`'),
    labels: Labels('Labels of its container'),
    forwarded: Flag(
      'Whether its peer-to-peer port is the one that its VPN node forwards. The list for proxies may say false of an engine on which a stream is expected',
    ),
    vpn_container: NullableText('Name of the VPN node whose network it shares; null without one'),
    host_name: Text('Name of the node of the swarm that it is on; `local` on a single Docker Engine'),
    first_seen: Time('When it was provisioned or found'),
    last_seen: Time('When it last answered; before its first answer, when its container started'),
    streams: Type.Array(Type.String({ description: 'Id of a stream' }), {
      description: 'Ids of its started streams',
    }),
    health_status: HealthWord(
      'The verdict on its answers. An engine that answers and plays nothing is shown as `unknown`',
    ),
    plays_nothing_since: NullableTime(
      'Since when it is known to answer and to play nothing, though others play',
    ),
    last_health_check: NullableTime('When it was last probed; null if it never was'),
    last_stream_usage: NullableTime(
      'When a stream last began or ended on it, or failed to begin. A proxy takes the engine whose last use is oldest',
    ),
    expected_until: NullableTime(
      'Until when a stream is expected that is not reported yet: a proxy chose the engine, or was given it. Meanwhile the list for proxies names it last, with a later last_stream_usage',
    ),
    last_cache_cleanup: NullableTime('When its cache was last emptied; null if it never was'),
    cache_size_bytes: NullableCount('Size of its cache at the last look, in bytes; null if it is not known'),
    status: EngineStatus(),
    listed: Flag('Whether `GET /engines` tells proxies of it'),
    reason: NullableText('Why it is hidden; null if it is listed'),
  },
  { title: 'Engine', description: 'An AceStream engine in a container' },
)

/** What the engine last said about the transfer; null for what it did not say. */
const figures = {
  peers: NullableCount('Peers that it is connected to'),
  speed_down: NullableCount('Download rate, in KB/s'),
  speed_up: NullableCount('Upload rate, in KB/s'),
  downloaded: NullableCount('Bytes downloaded since the session began'),
  uploaded: NullableCount('Bytes uploaded since the session began'),
  livepos: Nullable(
    Type.Object(
      {
        pos: NullableCount('What is played now, in Unix seconds'),
        live_first: NullableCount('Begin of the window that can be played, in Unix seconds'),
        live_last: NullableCount('End of the window that can be played, in Unix seconds'),
        buffer_pieces: NullableCount('Number of pieces in the buffer'),
      },
      { title: 'LivePosition', description: 'What is played of a live stream, and the window' },
    ),
    'Where a live stream is played; null if it is none or nothing is known',
  ),
}

export const StreamState = Type.Object(
  {
    id: Text('Id of the stream: what is played and the session, with a bar between them'),
    key_type: Text('What `key` is: `content_id`, `infohash`, `url` or `magnet`'),
    key: Text('What is played'),
    container_id: NullableText('Id of the container of its engine; null if that is none of ours'),
    playback_session_id: Text('Id of the session at its engine'),
    stat_url: Text('Where its engine tells the figures of the session, as the proxy reported it'),
    command_url: Text('Where its engine takes commands for the session, as the proxy reported it'),
    is_live: Flag('Whether it is a live stream'),
    started_at: Time('When its start was reported'),
    ended_at: NullableTime('When it ended; null while it is started'),
    status: Type.Union([Type.Literal('started'), Type.Literal('ended')], {
      description: 'Whether it is played now',
    }),
    end_reason: NullableText('Why it ended, in the word of the proxy or of ours; null while it is started'),
    record: Type.Integer({ minimum: 1, description: 'Number of the record; an id may have several' }),
    stalled_since: NullableTime(
      'Since when it stands still, according to its engine; null if it moves, has ended, or nothing is known',
    ),
    ...figures,
    stats_at: NullableTime('When its engine said these figures; null if it never did'),
  },
  { title: 'Stream', description: 'A stream as it stands in the books' },
)

/** What came of the order to stop a stream. */
export const Stopped = Type.Object(
  {
    updated: Flag('False when it had ended before'),
    session: Type.Union(
      [Type.Literal('stopped'), Type.Literal('unknown'), Type.Literal('silent'), Type.Literal('none')],
      {
        description:
          'What its engine said: stopped it; does not know it; nothing in time. None: no engine to ask',
      },
    ),
    stream: StreamState,
  },
  { title: 'StoppedStream', description: 'What came of it, and the stream as it stands in the books' },
)

export const StreamSample = Type.Object(
  {
    ts: Time('When the sample was taken'),
    ...figures,
    status: NullableText("The engine's own word for what it does"),
  },
  { title: 'StreamSample', description: 'What an engine said about a stream at one time' },
)

export const JournalEntry = Type.Object(
  {
    id: Type.Integer({ minimum: 1, description: 'Number of the entry; later entries have larger ones' }),
    at: Time('When it happened'),
    kind: Text('What happened, like `stream.started`; the word before the dot is a group'),
    engine_id: NullableText('The engine that it happened to; null if it concerns none'),
    container_id: NullableText("Its engine's container now, as long as that is known"),
    container_name: NullableText("Name of its engine's container, as long as that is known"),
    stream_id: NullableText('The stream that it happened to; null if it concerns none'),
    detail: Type.Record(Type.String(), Type.Unknown({ description: 'Any value' }), {
      description: 'What else is known of it, such as the reason; the members depend on `kind`',
    }),
  },
  { title: 'JournalEntry', description: 'One thing that happened' },
)

export const JournalPage = Type.Object(
  {
    events: Type.Array(JournalEntry, { description: 'Entries, newest first' }),
    next: NullableText('The `cursor` of the next page; null on the last one'),
  },
  { title: 'JournalPage', description: 'Entries, newest first' },
)

export const EngineProvisioned = Type.Object(
  {
    container_id: Text("Id of the engine's container"),
    container_name: Text("Name of the engine's container"),
    host_http_port: Port('Port at which proxies reach its HTTP interface'),
    container_http_port: Port('Port of its HTTP interface in the container'),
    container_https_port: Port('Port of its HTTPS interface in the container'),
  },
  { title: 'ProvisionedEngine', description: 'A started engine' },
)

export const Container = Type.Object(
  {
    id: Text('Id of the container'),
    name: Text('Name of the container'),
    image: Text('The image that it was created from'),
    created: Time('When it was created'),
    status: Text("Docker's word for its state, like `running`"),
    labels: Labels('Its labels'),
    ports: Type.Array(
      Type.Object(
        {
          container_port: Port('Port in the container'),
          host_port: Port('Port of the host'),
          protocol: Text('`tcp` or `udp`'),
        },
        { title: 'PublishedPort', description: 'A port of the container that the host publishes' },
      ),
      { description: 'The ports that it publishes' },
    ),
  },
  { title: 'Container', description: 'A container of ours, as Docker sees it' },
)

export const LabelledContainer = Type.Object(
  {
    id: Text('Id of the container'),
    name: Text('Name of the container'),
    status: Text("Docker's word for its state, like `running`"),
    labels: Labels('Its labels'),
  },
  { title: 'LabelledContainer', description: 'A container of ours with the label that was asked for' },
)

/** A host port that a caller may ask for. Lower ports are left to the host's own services. */
export const RequestPort = Type.Integer({
  minimum: 1_024,
  maximum: 65_535,
  description: 'A port of the host',
})
