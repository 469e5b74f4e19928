import { type EngineContext, isConnected } from './engine-context.ts'
import { FaultError } from './fault-rules.ts'
import type { Json } from './json.ts'
import type { Session } from './session.ts'

/** The parts that the control port reads and changes. */
export interface ControlTarget {
  readonly context: EngineContext
  /** Ends the whole process. */
  exit(code: number): void
}

/** An open control port. */
export interface ControlServer {
  readonly port: number
  close(): Promise<void>
}

/**
 * Opens the control port, which no fault affects: `GET /state`, `GET|POST|DELETE /faults`, `POST /forget-sessions`, `POST
 * /exit?code=`. It uses JSON over plain HTTP. Invalid input is answered with 400 and `{"error": "<field>: …"}`.
 *
 * @throws {Error} if the port is taken.
 */
export function openControl(port: number, hostname: string, target: ControlTarget): ControlServer {
  const { context } = target
  const server = Bun.serve({
    port,
    hostname,
    routes: {
      '/state': { GET: () => Response.json(state(context)) },
      '/faults': {
        GET: () => Response.json(context.board.faults),
        POST: (request) => setFaults(request, context),
        DELETE: () => {
          context.board.clear()
          return Response.json(context.board.faults)
        },
      },
      '/forget-sessions': {
        POST: () => {
          context.book.forget()
          return Response.json(state(context))
        },
      },
      '/exit': { POST: (request) => exit(request, target) },
    },
    fetch: () => Response.json({ error: 'no such route' }, { status: 404 }),
  })
  return { port: server.port ?? port, close: () => server.stop(true) }
}

async function setFaults(request: Request, { board }: EngineContext): Promise<Response> {
  try {
    board.set(await request.json())
    return Response.json(board.faults)
  } catch (error) {
    if (error instanceof FaultError) return Response.json({ error: error.message }, { status: 400 })
    if (error instanceof SyntaxError) return Response.json({ error: 'body: not JSON' }, { status: 400 })
    throw error
  }
}

/** The answer must leave before the process ends. */
const EXIT_DELAY_MS = 20

function exit(request: Request, { context, exit }: ControlTarget): Response {
  const text = new URL(request.url).searchParams.get('code') ?? '0'
  const code = Number(text)
  if (!/^\d{1,3}$/.test(text) || code > 255) {
    return Response.json({ error: 'code: expected a whole number from 0 to 255' }, { status: 400 })
  }
  context.clock.after(EXIT_DELAY_MS, () => exit(code))
  return Response.json({ exiting: code })
}

/** Everything that a test may need to know, in one object. */
function state(context: EngineContext): Json {
  const { settings, board, book, traffic } = context
  return {
    ready: context.isReady(),
    connected: isConnected(context),
    config: {
      ports: {
        http: settings.httpPort,
        https: settings.httpsPort,
        api: settings.apiPort,
        p2p: settings.p2pPort,
        control: settings.control.port,
      },
      flags: settings.flags,
      bind_all: settings.bindAll,
      http_address: settings.httpAddress,
      version: settings.version,
      bitrate_kbps: context.source.bytesPerMs * 8,
      session_idle_ms: settings.sessionIdleMs,
      stat_keeps_alive: settings.statKeepsAlive,
    },
    faults: { ...board.faults },
    sessions: book.sessions.map((session) => sessionState(session, context)),
    counters: {
      ...book.counters,
      refused_readers: traffic.refused_readers,
      bytes_sent: traffic.bytes_sent,
      datagrams: context.datagrams.received,
      calls: Object.fromEntries(traffic.calls),
    },
  }
}

function sessionState(session: Session, { clock }: EngineContext): Json {
  const { current } = session
  const nowMs = clock.now()
  return {
    infohash: session.infohash,
    playback_session_id: current.playbackSessionId,
    format: current.format,
    pid: current.pid,
    urls: session.urls.length,
    readers: session.reader === null ? 0 : 1,
    flowing: session.flow.running,
    age_ms: nowMs - session.openedMs,
    idle_ms: session.reader === null ? nowMs - session.lastActivityMs : 0,
  }
}
