import type { Cancel } from './clock.ts'
import type { EngineContext, RouteHandler } from './engine-context.ts'
import { type Exchange, headText, textReply } from './http-connection.ts'
import { FRAME_MS, frames } from './mpegts.ts'
import { mediaDueMs } from './pacing.ts'
import type { PlaybackUrl, Session } from './session.ts'
import type { Lookup } from './session-book.ts'
import { sessionPath } from './session-routes.ts'

const TICK_MS = 50
/** After a pause of its client a reader catches up in steps of this size, so that no tick takes long. */
const FRAMES_PER_TICK_MAX = 250
/** A client with this many unread bytes gets no more until it has read some. */
const BACKLOG_BYTES_MAX = 1_048_576

/** `/ace/r/<infohash>/<key>`: redirects the player to the address of the bytes. */
export const playbackRedirect: RouteHandler = (exchange, context) => {
  const found = context.book.find(...sessionPath(exchange.path))
  if (found.kind !== 'served') return exchange.send(notServed(found))
  const { infohash, token } = found.url
  exchange.send({
    status: 302,
    headers: { Location: `http://${exchange.host}/content/${infohash}/${token}` },
  })
}

/**
 * `/content/<infohash>/<token>`: the endless transport stream, for one reader. Headers are sent with the first data. A
 * second reader receives the same as from a real engine: an answer with two status lines.
 */
export const playback: RouteHandler = (exchange, context) => {
  const found = context.book.find(...sessionPath(exchange.path))
  if (found.kind !== 'served') return exchange.send(notServed(found))
  const { session, url } = found
  if (session.reader !== null) {
    context.traffic.refused_readers += 1
    exchange.write(`HTTP/1.1 200 OK\r\n${headText(500, { 'Content-Type': 'text/plain' })}`)
    return exchange.end()
  }
  session.reader = url
  const reader = new ProgressiveReader(exchange, { session, url }, context)
  reader.start()
}

/** The answer for a playback address that is not served: 403 if superseded, 500 if ended, 404 if never handed out. */
export function notServed(found: Lookup): ReturnType<typeof textReply> {
  if (found.kind === 'superseded') return textReply(403, 'session was superseded')
  return found.kind === 'ended' ? textReply(500, 'session has ended') : textReply(404, 'Not found')
}

/** Whether a session has data to play. It has none before its first flow and while the flow stands still. */
export function hasData({ flow }: Session, { clock, settings }: EngineContext): boolean {
  return flow.running && flow.totalMs(clock.now()) >= settings.playbackMs
}

/** Feeds one playback connection from its start until one side ends it. */
class ProgressiveReader {
  #cancelTicks: Cancel = () => {}
  #sentBytes = 0
  #opened = false
  readonly #firstFrame: number
  readonly #flowedBeforeMs: number

  constructor(
    readonly exchange: Exchange,
    readonly of: { readonly session: Session; readonly url: PlaybackUrl },
    readonly context: EngineContext,
  ) {
    const { session } = of
    const nowMs = context.clock.now()
    // The stream begins at the session's live position, so a reader that comes back continues there.
    this.#firstFrame = Math.floor((session.openedMs + session.flow.totalMs(nowMs)) / FRAME_MS)
    this.#flowedBeforeMs = session.flow.totalMs(nowMs)
  }

  start(): void {
    const { exchange, context, of } = this
    this.#cancelTicks = context.clock.every(TICK_MS, () => this.#tick())
    exchange.closed.addEventListener('abort', () => this.#leave(), { once: true })
    of.url.closed.addEventListener('abort', () => this.#closeByEngine(), { once: true })
  }

  #tick(): void {
    const { context, of, exchange } = this
    if (context.board.hangs('all')) return
    const flowedMs = of.session.flow.totalMs(context.clock.now())
    if (!this.#opened) {
      // The player receives nothing before there is something to play.
      if (!hasData(of.session, context)) return
      this.#opened = true
      exchange.open(200, 'video/mp2t')
    }
    if (exchange.backlogBytes > BACKLOG_BYTES_MAX) return
    this.#sendDue(flowedMs - this.#flowedBeforeMs)
    this.#applyByteFaults()
  }

  /** Continues at the byte where it stopped, so the stream is complete after a silence. */
  #sendDue(flowedMs: number): void {
    const { source, settings, traffic } = this.context
    const dueFrames = Math.floor(mediaDueMs(flowedMs, settings) / FRAME_MS)
    const begun = Math.floor(this.#sentBytes / source.frameBytes)
    const count = Math.min(dueFrames - begun, FRAMES_PER_TICK_MAX)
    const start = this.#sentBytes - begun * source.frameBytes
    const end = Math.min(count * source.frameBytes, start + this.#byteLimit() - this.#sentBytes)
    if (end <= start) return
    this.exchange.write(frames(source, this.#firstFrame + begun, count).subarray(start, end))
    this.#sentBytes += end - start
    traffic.bytes_sent += end - start
  }

  /** The smallest number of bytes at which a fault affects this connection. */
  #byteLimit(): number {
    const { silent_after_bytes, cut_after_bytes, reset_after_bytes } = this.context.board.faults
    const limits = [silent_after_bytes, cut_after_bytes, reset_after_bytes]
    return Math.min(...limits.map((limit) => limit ?? Number.POSITIVE_INFINITY))
  }

  #applyByteFaults(): void {
    const { cut_after_bytes, reset_after_bytes } = this.context.board.faults
    if (reset_after_bytes !== null && this.#sentBytes >= reset_after_bytes) this.exchange.reset()
    else if (cut_after_bytes !== null && this.#sentBytes >= cut_after_bytes) this.exchange.end()
  }

  /** A reader without headers receives the reason of the end. After the headers, the stream just ends. */
  #closeByEngine(): void {
    this.#leave()
    const status = this.of.url.closed.reason === 'superseded' ? 403 : 500
    if (this.#opened) this.exchange.end()
    else this.exchange.send(textReply(status, 'failed to start'))
  }

  #leave(): void {
    const { session, url } = this.of
    this.#cancelTicks()
    if (session.reader === url) session.reader = null
    session.lastActivityMs = this.context.clock.now()
  }
}
