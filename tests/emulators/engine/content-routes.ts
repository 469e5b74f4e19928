import { pause } from './clock.ts'
import { type ContentRequest, requestedContent } from './content.ts'
import { contentBehaviour, type EngineContext, type RouteHandler, settleSession } from './engine-context.ts'
import { type Exchange, textReply } from './http-connection.ts'
import type { Json } from './json.ts'
import type { PlaybackFormat, PlaybackUrl } from './session.ts'
import { wireFlag } from './statistics.ts'
import { sendJson } from './status-routes.ts'

/** `/ace/getstream`: opens a session that plays a transport stream. */
export const getStream: RouteHandler = (exchange, context) => openContent(exchange, context, 'mpegts')

/** `/ace/manifest.m3u8`: opens a session that plays an HLS list. */
export const getManifest: RouteHandler = (exchange, context) => openContent(exchange, context, 'hls')

async function openContent(
  exchange: Exchange,
  context: EngineContext,
  format: PlaybackFormat,
): Promise<void> {
  await context.board.passed('content', exchange.closed)
  await context.whenReady(exchange.closed)
  if (exchange.query.size === 0) return exchange.send(textReply(500, 'Internal server error'))
  const { getstream_error } = context.board.faults
  if (getstream_error !== null) return refuse(exchange, context, getstream_error)
  const content = requestedContent(exchange.query)
  if (content === null) return refuse(exchange, context, 'missing content id')
  const failure = await load(content, exchange, context)
  // If the client has left, no session is opened that nobody would ever read.
  if (exchange.closed.aborted) return
  if (failure !== null || content.infohash === null) return refuse(exchange, context, failure ?? LOAD_FAILED)
  if (contentBehaviour(content.infohash, context) === 'several_files' && !exchange.query.has('_idx')) {
    return sendFileList(exchange)
  }
  const request = { infohash: content.infohash, pid: exchange.query.get('pid') || null, format }
  const session = context.book.open(request, context.clock.now())
  settleSession(session, context)
  answer(exchange, context, session.current)
}

const LOAD_FAILED = 'failed to load content'

/** Waits as long as loading takes. Returns the error's text, or null when the content is loaded. */
async function load(
  content: ContentRequest,
  exchange: Exchange,
  context: EngineContext,
): Promise<string | null> {
  const { settings, board, loading } = context
  const name = content.infohash ?? content.value
  await board.until(() => contentBehaviour(name, context) !== 'hang', exchange.closed)
  const behaviour = content.infohash === null ? 'dead' : contentBehaviour(content.infohash, context)
  loading.get(name)?.abort()
  const controller = new AbortController()
  loading.set(name, controller)
  const failureMs =
    content.selector === 'infohash' ? settings.loadFailureInfohashMs : settings.loadFailureIdMs
  const signal = AbortSignal.any([controller.signal, exchange.closed])
  await pause(context.clock, behaviour === 'dead' ? failureMs : settings.loadMs, signal)
  if (controller.signal.aborted) return 'got newer download'
  loading.delete(name)
  return behaviour === 'dead' ? LOAD_FAILED : null
}

/** Sends errors with status 200 if JSON was requested, and otherwise as a short text. */
function refuse(exchange: Exchange, context: EngineContext, error: string): void {
  if (wantsJson(exchange)) sendJson(exchange, context, { response: null, error })
  else exchange.send(textReply(500, error))
}

function answer(exchange: Exchange, context: EngineContext, url: PlaybackUrl): void {
  if (wantsJson(exchange)) {
    sendJson(exchange, context, { response: description(exchange, context, url), error: null })
  } else {
    exchange.send({ status: 302, headers: { Location: playbackAddress(exchange.host, url) } })
  }
}

const wantsJson = ({ query }: Exchange): boolean => query.get('format') === 'json'

function description({ host, query }: Exchange, { board }: EngineContext, url: PlaybackUrl): Json {
  const address = (kind: string) => `http://${host}/ace/${kind}/${url.infohash}/${url.key}`
  return {
    playback_url: playbackAddress(host, url),
    stat_url: address('stat'),
    command_url: address('cmd'),
    ...(query.get('use_api_events') === '1' ? { event_url: address('event') } : {}),
    infohash: url.infohash,
    playback_session_id: url.playbackSessionId,
    is_live: wireFlag(true, board.faults),
    is_encrypted: wireFlag(false, board.faults),
    client_session_id: -1,
  }
}

const playbackAddress = (host: string, { format, infohash, key }: PlaybackUrl): string =>
  format === 'hls'
    ? `http://${host}/ace/m/${infohash}/${key}.m3u8`
    : `http://${host}/ace/r/${infohash}/${key}`

/** Sends the file list of a content with several files, whichever format was requested. */
function sendFileList(exchange: Exchange): void {
  const entries = [0, 1].map((index) => {
    const query = new URLSearchParams(exchange.query)
    query.set('_idx', String(index))
    query.delete('format')
    return `#EXTINF:-1,File ${index}\nhttp://${exchange.host}${exchange.path}?${query}\n`
  })
  exchange.send({ status: 200, type: 'audio/x-mpegurl', body: `#EXTM3U\n${entries.join('')}` })
}
