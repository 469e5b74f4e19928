import { ACEXY_AGENT, type Choice } from './acexy.ts'
import { type Coverage, tally } from './coverage.ts'
import { type EngineProcess, type Session, streamIdOf } from './engine-process.ts'
import type { Http } from './http.ts'
import type { Random } from './random.ts'
import type { StreamChecks } from './stream-checks.ts'
import { short, type Trace } from './trace.ts'

/** How many reported streams are remembered. */
const REPORTED_MAX = 1_000

/** A stream that a proxy opened for a viewer. */
export interface Opened {
  readonly process: EngineProcess
  readonly session: Session
}

/** A viewer's stream as its proxy reports it, with the proxy's API key. */
export interface Visit extends Opened {
  readonly name: string
  readonly choice: Choice
  readonly apiKey: string | null
}

/** Sends the proxies' events about streams, and loses some of them. */
export class Reports {
  readonly #reported: string[] = []
  readonly #asides: Random
  #others = 0

  constructor(
    private readonly deps: {
      readonly http: Http
      readonly random: Random
      readonly trace: Trace
      readonly coverage: Coverage
      /** Whether no event is lost or repeated any more. */
      readonly isQuiet: () => boolean
      readonly streamChecks: Pick<StreamChecks, 'answered'>
    },
  ) {
    this.#asides = deps.random.stream('reports at once')
  }

  async started({ name, choice, apiKey, process, session }: Visit): Promise<void> {
    const { http, random, coverage, isQuiet } = this.deps
    if (!isQuiet() && random.chance(0.03)) return tally(coverage, 'started lost')
    const streamId = streamIdOf(session)
    const ask = {
      method: 'POST',
      path: '/events/stream_started',
      body: startedBody(choice, session),
      apiKey,
      userAgent: ACEXY_AGENT,
    }
    const [answer] = await Promise.all([http.ask(ask), this.#reportOther(apiKey)])
    if (answer?.status === 401 || answer?.status === 403) tally(coverage, `events refused: ${answer.status}`)
    const told = answer?.status === 200 ? (answer.body as { container_id: string | null }) : null
    if (told !== null) this.deps.streamChecks.answered(streamId, false)
    this.deps.trace.note(name, `started ${streamId}: ${told === null ? 'lost' : short(told.container_id)}`)
    if (told?.container_id !== process.containerId) return
    session.isReported = true
    this.#reported.push(streamId)
    if (this.#reported.length > REPORTED_MAX) this.#reported.shift()
    tally(coverage, 'streams')
    if (random.chance(0.05)) await http.ask(ask)
  }

  async ended({ session, apiKey }: Visit, reason: 'completed' | 'timeout'): Promise<void> {
    const { http, random, coverage, isQuiet, streamChecks } = this.deps
    const streamId = streamIdOf(session)
    const send = async (id: string): Promise<void> => {
      const answer = await http.ask({
        method: 'POST',
        path: '/events/stream_ended',
        body: { stream_id: id, reason },
        apiKey,
        userAgent: ACEXY_AGENT,
      })
      const { updated } = (answer?.status === 200 ? answer.body : { updated: false }) as { updated: boolean }
      if (updated) streamChecks.answered(id, true)
    }
    if (!isQuiet() && random.chance(0.1)) return tally(coverage, 'ended lost')
    if (!isQuiet() && random.chance(0.03)) await send(random.pick(this.#reported) ?? streamId)
    await send(streamId)
    if (random.chance(0.1)) await send(streamId)
  }

  /** Sometimes another proxy reports at the same moment that a start failed, on an engine that is none of ours. */
  async #reportOther(apiKey: string | null): Promise<void> {
    if (this.deps.isQuiet() || !this.#asides.chance(0.2)) return
    const id = `other|${++this.#others}`
    const answer = await this.deps.http.ask({
      method: 'POST',
      path: '/events/stream_started',
      body: {
        engine: { host: 'elsewhere', port: 6_878 },
        stream: { key_type: 'content_id', key: 'other' },
        session: { playback_session_id: 'fetch_failed', stat_url: '', command_url: '', is_live: 1 },
        labels: { stream_id: id },
      },
      apiKey,
      userAgent: ACEXY_AGENT,
    })
    if (answer?.status === 200) this.deps.streamChecks.answered(id, false)
  }
}

/** The body as acexy sends it. The engine builds its URLs from the Host header. */
function startedBody({ host, port }: Choice, session: Session) {
  const { id, infohash } = session
  const url = (verb: string): string => `http://${host}:${port}/ace/${verb}/${infohash}/${id}`
  return {
    engine: { host, port },
    stream: { key_type: 'content_id', key: infohash },
    session: { playback_session_id: id, stat_url: url('stat'), command_url: url('cmd'), is_live: 1 },
    labels: { stream_id: streamIdOf(session) },
  }
}
