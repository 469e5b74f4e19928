import { contentBehaviour, type EngineContext, isConnected, type RouteHandler } from './engine-context.ts'
import type { Exchange } from './http-connection.ts'
import type { Session } from './session.ts'
import { statistics } from './statistics.ts'
import { sendJson } from './status-routes.ts'

/** `/ace/stat/<infohash>/<key>`: the statistics of the content's session, for any of its URLs. */
export const stat: RouteHandler = async (exchange, context) => {
  await context.board.passed('stat', exchange.closed)
  const session = liveSession(exchange, context)
  if (session === null) return sendUnknownSession(exchange, context)
  const { settings, clock, board, source } = context
  if (settings.statKeepsAlive && exchange.query.get('skip_player_activity') !== '1') {
    session.lastActivityMs = clock.now()
  }
  const behaviour = contentBehaviour(session.infohash, context)
  const input = {
    settings,
    faults: board.faults,
    behaviour,
    connected: isConnected(context),
    bytesPerMs: source.bytesPerMs,
    nowMs: clock.now(),
  }
  sendJson(exchange, context, { response: statistics(session, input), error: null })
}

/** `/ace/cmd/<infohash>/<key>?method=stop`: ends the session for all its readers. */
export const command: RouteHandler = async (exchange, context) => {
  const method = exchange.query.get('method')
  if (method !== 'stop') return sendJson(exchange, context, { response: null, error: 'unknown method' })
  await context.board.passed('stop', exchange.closed)
  const [infohash, key] = sessionPath(exchange.path)
  if (!context.book.stop(infohash, key)) return sendUnknownSession(exchange, context)
  sendJson(exchange, context, { response: 'ok', error: null })
}

/**
 * `/ace/event/<infohash>/<key>`: a long poll. The first one reports that the content is live. The next one waits until the
 * session has ended, because nothing else ever happens to it.
 */
export const event: RouteHandler = async (exchange, context) => {
  const session = liveSession(exchange, context)
  if (session === null) return sendUnknownSession(exchange, context)
  if (!session.liveEventSent) {
    session.liveEventSent = true
    const response = { name: 'live_changed', params: { is_live: 1 } }
    return sendJson(exchange, context, { response, error: null })
  }
  await sessionEnd(session, exchange.closed)
  sendUnknownSession(exchange, context)
}

function sendUnknownSession(exchange: Exchange, context: EngineContext): void {
  sendJson(exchange, context, { response: null, error: 'unknown playback session id' })
}

function liveSession(exchange: Exchange, { book }: EngineContext): Session | null {
  const found = book.find(...sessionPath(exchange.path))
  return found.kind === 'served' || found.kind === 'superseded' ? found.session : null
}

/** Infohash and key: the last two segments of the path, without an extension. */
export function sessionPath(path: string): [infohash: string, key: string] {
  const [infohash = '', key = ''] = path.split('/').slice(-2)
  return [infohash, key.replace(/\.m3u8$/, '')]
}

function sessionEnd(session: Session, signal: AbortSignal): Promise<void> {
  if (session.ended.aborted || signal.aborted) return Promise.resolve()
  const either = AbortSignal.any([session.ended, signal])
  return new Promise((resolve) => either.addEventListener('abort', () => resolve(), { once: true }))
}
