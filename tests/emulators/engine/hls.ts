import type { EngineContext, RouteHandler } from './engine-context.ts'
import { textReply } from './http-connection.ts'
import { FRAME_MS, frames } from './mpegts.ts'
import { hasData, notServed } from './playback.ts'
import type { Session } from './session.ts'
import { sessionPath } from './session-routes.ts'

const SEGMENT_MS = 4000
const FRAMES_PER_SEGMENT = SEGMENT_MS / FRAME_MS
const LOOK_MS = 50
/** Real lists have 13 to 17 entries. */
const WINDOW_SEGMENTS = 15

/**
 * `/ace/m/<infohash>/<key>.m3u8`: the list of the present segments, answered when the first data has arrived. A segment's
 * number is its place on an absolute time line, so it means the same bytes to every reader.
 */
export const playlist: RouteHandler = async (exchange, context) => {
  const found = context.book.find(...sessionPath(exchange.path))
  if (found.kind !== 'served' || found.url.format !== 'hls') return exchange.send(notServed(found))
  const { session, url } = found
  session.lastActivityMs = context.clock.now()
  await firstData(session, context, AbortSignal.any([exchange.closed, url.closed]))
  if (url.closed.aborted) return exchange.send(notServed(context.book.find(url.infohash, url.key)))
  const last = newestSegment(session, context)
  const first = last - WINDOW_SEGMENTS + 1
  const entries = Array.from({ length: WINDOW_SEGMENTS }, (_, index) => {
    const address = `http://${exchange.host}/ace/c/${session.infohash}/${first + index}.ts`
    return `#EXTINF:${SEGMENT_MS / 1000}.0,\n${address}\n`
  })
  const head = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:${SEGMENT_MS / 1000}\n`
  const body = `${head}#EXT-X-MEDIA-SEQUENCE:${first}\n${entries.join('')}`
  exchange.send({ status: 200, type: 'application/vnd.apple.mpegurl', body })
}

/** `/ace/c/<infohash>/<n>.ts`: one segment. Answers 404 outside the window of the list or without a session. */
export const segment: RouteHandler = (exchange, context) => {
  const [infohash, file] = sessionPath(exchange.path)
  const session = context.book.get(infohash)
  const number = Number(/^(\d+)\.ts$/.exec(file)?.[1] ?? Number.NaN)
  if (session === undefined || session.current.format !== 'hls')
    return exchange.send(textReply(404, 'Not found'))
  session.lastActivityMs = context.clock.now()
  const last = newestSegment(session, context)
  if (!(number <= last && number > last - WINDOW_SEGMENTS)) return exchange.send(textReply(404, 'Not found'))
  const body = frames(context.source, number * FRAMES_PER_SEGMENT, FRAMES_PER_SEGMENT)
  context.traffic.bytes_sent += body.length
  exchange.send({ status: 200, type: 'video/mp2t', body })
}

/** Resolves when the session has data to play, or when `signal` aborts. */
function firstData(session: Session, context: EngineContext, signal: AbortSignal): Promise<void> {
  if (signal.aborted || hasData(session, context)) return Promise.resolve()
  return new Promise((resolve) => {
    const look = () => {
      if (!signal.aborted && !hasData(session, context)) return
      cancel()
      resolve()
    }
    const cancel = context.clock.every(LOOK_MS, look)
    signal.addEventListener('abort', look, { once: true })
  })
}

/** The number of the last complete segment. The list does not change while the session stalls. */
function newestSegment(session: Session, { clock }: EngineContext): number {
  return Math.floor((session.openedMs + session.flow.totalMs(clock.now())) / SEGMENT_MS) - 1
}
