import { getManifest, getStream } from './content-routes.ts'
import type { EngineContext, RouteHandler } from './engine-context.ts'
import { playlist, segment } from './hls.ts'
import { type Exchange, textReply } from './http-connection.ts'
import { playback, playbackRedirect } from './playback.ts'
import { isPrivateAddress } from './private-address.ts'
import { command, event, stat } from './session-routes.ts'
import { serverApi, service } from './status-routes.ts'

interface Route {
  /** The name in the counters. */
  readonly name: string
  readonly path: RegExp
  readonly kind: 'api' | 'playback'
  readonly handle: RouteHandler
}

const ROUTES: readonly Route[] = [
  { name: '/webui/api/service', path: /^\/webui\/api\/service$/, kind: 'api', handle: service },
  { name: '/server/api', path: /^\/server\/api$/, kind: 'api', handle: serverApi },
  { name: '/ace/getstream', path: /^\/ace\/getstream$/, kind: 'api', handle: getStream },
  { name: '/ace/manifest.m3u8', path: /^\/ace\/manifest\.m3u8$/, kind: 'api', handle: getManifest },
  { name: '/ace/stat', path: /^\/ace\/stat\/[^/]+\/[^/]+$/, kind: 'api', handle: stat },
  { name: '/ace/cmd', path: /^\/ace\/cmd\/[^/]+\/[^/]+$/, kind: 'api', handle: command },
  { name: '/ace/event', path: /^\/ace\/event\/[^/]+\/[^/]+$/, kind: 'api', handle: event },
  { name: '/ace/r', path: /^\/ace\/r\/[^/]+\/[^/]+$/, kind: 'playback', handle: playbackRedirect },
  { name: '/content', path: /^\/content\/[^/]+\/[^/]+$/, kind: 'playback', handle: playback },
  { name: '/ace/m', path: /^\/ace\/m\/[^/]+\/[^/]+\.m3u8$/, kind: 'playback', handle: playlist },
  { name: '/ace/c', path: /^\/ace\/c\/[^/]+\/[^/]+\.ts$/, kind: 'playback', handle: segment },
]

/**
 * Answers one request to the engine's HTTP port: counts it, makes it hang or fail according to the faults, and passes it to
 * its route. Every received request is counted, answered or not.
 */
export async function dispatch(exchange: Exchange, context: EngineContext): Promise<void> {
  const { settings, board, traffic } = context
  const route = ROUTES.find(({ path }) => path.test(exchange.path))
  const name = route?.name ?? 'other'
  traffic.calls.set(name, (traffic.calls.get(name) ?? 0) + 1)
  await board.passed('all', exchange.closed)

  if (!settings.bindAll && !isPrivateAddress(exchange.remoteAddress)) {
    return exchange.send(textReply(500, 'Internal server error'))
  }
  if (exchange.method !== 'GET')
    return exchange.send(textReply(501, `Unsupported method ('${exchange.method}')`))
  if (route === undefined) return exchange.send(textReply(404, 'Not found'))
  const { api_status: status } = board.faults
  if (route.kind === 'api' && status !== null)
    return exchange.send(textReply(status, 'Internal server error'))
  await route.handle(exchange, context)
}
