import type { Clock } from './clock.ts'
import { behaviourOf, type ContentBehaviour } from './content.ts'
import { FaultBoard } from './fault-board.ts'
import type { Exchange } from './http-connection.ts'
import { LongAnswers } from './long-answers.ts'
import { createFrameSource, type FrameSource } from './mpegts.ts'
import type { Session } from './session.ts'
import { SessionBook } from './session-book.ts'
import type { Settings } from './settings.ts'
import { TunnelWatch } from './tunnel-watch.ts'
import { UdpPort } from './udp-port.ts'

/** Counters other than those of the sessions. */
interface TrafficCounters {
  bytes_sent: number
  /** How many second readers of a progressive session received the corrupt answer. */
  refused_readers: number
  readonly calls: Map<string, number>
}

/** What the routes of one engine share. */
export interface EngineContext {
  readonly settings: Settings
  readonly clock: Clock
  readonly board: FaultBoard
  readonly book: SessionBook
  readonly source: FrameSource
  readonly traffic: TrafficCounters
  /** The peer-to-peer port for datagrams. */
  readonly datagrams: UdpPort
  /** Contents that are loading now. A newer request for a content aborts the older one. */
  readonly loading: Map<string, AbortController>
  readonly longAnswers: LongAnswers
  /** A random token of 64 hex digits, constant for the life of the engine. */
  readonly accessToken: string
  /** Watches the tunnel that carries the engine's traffic; null without a tunnel. */
  readonly tunnel: TunnelWatch | null
  isReady(): boolean
  /** Resolves when the engine is ready or the signal aborts. */
  whenReady(signal: AbortSignal): Promise<void>
}

/** The context of an engine that just started, without sessions and faults. The engine is ready once `ready` aborts. */
export function createContext(settings: Settings, clock: Clock, ready: AbortSignal): EngineContext {
  const { tunnelUrl: url, stuckAfterOutage } = settings
  const context: EngineContext = {
    settings,
    clock,
    board: new FaultBoard(settings.faults),
    book: new SessionBook(randomHex),
    tunnel: url === null ? null : new TunnelWatch({ url, stuckAfterOutage }, clock, () => settleAll(context)),
    source: createFrameSource(settings.bitrateKbps),
    traffic: { bytes_sent: 0, refused_readers: 0, calls: new Map() },
    datagrams: new UdpPort('P2P UDP'),
    loading: new Map(),
    longAnswers: new LongAnswers(),
    accessToken: randomHex(64),
    isReady: () => ready.aborted,
    whenReady: (signal) => aborted(AbortSignal.any([ready, signal])),
  }
  return context
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

const randomHex = (digits: number): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(digits / 2))).toString('hex')

/** Answers one request. Hangs, status faults and unknown methods were handled before. */
export type RouteHandler = (exchange: Exchange, context: EngineContext) => Promise<void> | void

/** The present behaviour of a session's content. */
export const contentBehaviour = (infohash: string, context: EngineContext): ContentBehaviour =>
  behaviourOf(infohash, context.board.faults.content)

/** Whether the engine has a network: no fault disconnects it, and traffic passes its tunnel. */
export const isConnected = ({ board, tunnel }: EngineContext): boolean =>
  !board.faults.disconnected && (tunnel?.connected ?? true)

/** Calls {@link settleSession} for every session. */
function settleAll(context: EngineContext): void {
  for (const session of context.book.sessions) settleSession(session, context)
}

/** Starts or stops a session's data flow, according to the present faults. */
export function settleSession(session: Session, context: EngineContext): void {
  const { faults } = context.board
  const nowMs = context.clock.now()
  const behaviour = contentBehaviour(session.infohash, context)
  const supplied = behaviour !== 'no_peers' && behaviour !== 'no_data' && !faults.no_peers && !faults.no_data
  const flows = supplied && isConnected(context) && !session.stuck
  session.flow.turn(flows ? 'on' : 'off', nowMs)
  session.position.turn(flows && !faults.livepos_frozen ? 'on' : 'off', nowMs)
}
