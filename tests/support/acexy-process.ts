/**
 * Our model of acexy as a program, with acexy's own settings from the environment. The compose files run it in the place of
 * acexy's image.
 */
import { AcexyFront } from './acexy-front.ts'

const { ACEXY_ADDR = '127.0.0.1:6878', ACEXY_ORCH_URL = '', ACEXY_ORCH_APIKEY = '' } = process.env
const colon = ACEXY_ADDR.lastIndexOf(':')
/** acexy is a Go program that names itself by nothing else. */
function send(request: Request): Promise<Response> {
  request.headers.set('user-agent', 'Go-http-client/1.1')
  return fetch(request)
}

new AcexyFront(
  {
    send,
    url: ACEXY_ORCH_URL,
    apiKey: ACEXY_ORCH_APIKEY,
    maxStreamsPerEngine: Number(process.env.ACEXY_MAX_STREAMS_PER_ENGINE ?? '1'),
  },
  { hostname: ACEXY_ADDR.slice(0, colon) || '0.0.0.0', port: Number(ACEXY_ADDR.slice(colon + 1)) },
)

// The first process of a container has no default signal handlers.
process.on('SIGTERM', () => process.exit(0))
