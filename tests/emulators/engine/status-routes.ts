import { type EngineContext, isConnected, type RouteHandler } from './engine-context.ts'
import type { Exchange } from './http-connection.ts'
import { type Json, printJson } from './json.ts'

const WEBSOCKET_PORT = 37_293

/** `/webui/api/service`: the methods that the engine answers without a token, also as JSONP. */
export const service: RouteHandler = (exchange, context) => {
  const { query } = exchange
  const known = query.get('method') === 'get_version'
  const answer: Json = known
    ? { result: versionWithSocket(context), error: null }
    : { result: null, error: 'unknown method' }
  const callback = query.get('callback')
  if (query.get('format') !== 'jsonp' || callback === null) return sendJson(exchange, context, answer)
  exchange.send({ status: 200, type: 'application/javascript', body: `${callback}(${printJson(answer)})` })
}

/** `/server/api`: a table of methods. `get_version` also exists here, but needs a token. */
export const serverApi: RouteHandler = async (exchange, context) => {
  const method = exchange.query.get('method') ?? ''
  const answer = SERVER_METHODS.get(method)
  if (answer === undefined) return sendJson(exchange, context, failure(exchange, 'unknown method'))
  if (method === 'get_status') await context.board.passed('status', exchange.closed)
  sendJson(exchange, context, answer(exchange, context))
}

type ServerMethod = (exchange: Exchange, context: EngineContext) => Json

const SERVER_METHODS: ReadonlyMap<string, ServerMethod> = new Map<string, ServerMethod>([
  ['get_version', (exchange) => failure(exchange, 'access denied')],
  [
    'get_status',
    (_, context) => ({ result: { version: version(context), playlist_loaded: context.isReady() } }),
  ],
  [
    'get_network_connection_status',
    (_, context) => ({ result: { connected: context.isReady() && isConnected(context) } }),
  ],
  [
    'get_api_access_token',
    (exchange, context) =>
      isLoopback(exchange.remoteAddress)
        ? { result: { token: context.accessToken } }
        : failure(exchange, 'access denied'),
  ],
])

/** Sends JSON, damaged if a fault requires it. */
export function sendJson(exchange: Exchange, context: EngineContext, body: Json): void {
  const { truncated_json, answer_bytes, packed_answers } = context.board.faults
  const whole = printJson(body)
  const text = truncated_json ? whole.slice(0, Math.ceil(whole.length / 2)) : whole
  if (answer_bytes === null && !packed_answers)
    exchange.send({ status: 200, type: 'application/json', body: text })
  else void context.longAnswers.send(exchange, { text, bytes: answer_bytes ?? 0, isPacked: packed_answers })
}

/** Version 3 of the API wraps errors in an object; the older version sends them as text. Both use status 200. */
const failure = ({ query }: Exchange, message: string): Json =>
  query.get('api_version') === '3' ? { error: { message, code: 0 } } : { result: null, error: message }

function version({ settings }: EngineContext): { readonly [name: string]: Json } {
  return { platform: 'linux', version: settings.version, code: versionCode(settings.version) }
}

/** Engines since 3.2 have a web socket and report its port. */
function versionWithSocket(context: EngineContext): Json {
  const { code } = version(context)
  return { ...version(context), ...(Number(code) >= 3_020_000 ? { websocket_port: WEBSOCKET_PORT } : {}) }
}

/** Computes the version code, for example 3021100 for 3.2.11: the parts count a million, ten thousand and a hundred. */
export function versionCode(text: string): number {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number)
  return major * 1_000_000 + minor * 10_000 + patch * 100
}

const isLoopback = (address: string): boolean => /^(::ffff:)?127\.|^::1$/.test(address)
