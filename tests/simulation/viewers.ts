import type { Clock } from '../../src/lib/clock.ts'
import type { Acexy, Choice } from './acexy.ts'
import type { Coverage } from './coverage.ts'
import { tally } from './coverage.ts'
import type { EngineProcess, Session } from './engine-process.ts'
import type { Http } from './http.ts'
import type { Random } from './random.ts'
import type { Audience } from './scenario.ts'
import type { SimHost } from './sim-host.ts'
import { short, type Trace } from './trace.ts'

export interface ViewerDeps {
  readonly clock: Clock
  readonly http: Http
  readonly host: SimHost
  readonly random: Random
  readonly trace: Trace
  readonly coverage: Coverage
  readonly audience: Audience
}

/** Somebody on the way to an engine: it was chosen, and the orchestrator has not heard of it yet. */
export interface Arrival {
  readonly choice: Choice
  readonly process: EngineProcess
}

const GETSTREAM_MAX_MS = 20_000
/** How old the list may be by which an engine was chosen. */
const LIST_TTL_MS = 2_000
/** Of so many streams it is remembered that they were reported. */
const REPORTED_MAX = 1_000

/** People who watch through proxies, and what proxies tell the orchestrator of them, or fail to. */
export class Viewers {
  /** While quiet, nothing is lost or said twice, and who watches on stays to the end. */
  isQuiet = false
  readonly #arrivals = new Set<Arrival>()
  readonly #reported: string[] = []
  readonly #quiet = Promise.withResolvers<void>()
  #count = 0

  constructor(private readonly deps: ViewerDeps) {}

  /** From now on nothing is lost any more; half of those who watch leave soon, the others stay to the end. */
  quieten(): void {
    this.isQuiet = true
    this.#quiet.resolve()
  }

  /** Those whose engine must not be stopped under them though no book names them. */
  arrivals(): readonly Arrival[] {
    return [...this.#arrivals]
  }

  /** Somebody comes every `meanMs` or so, until all is quiet. */
  come(
    random: Random,
    meanMs: number,
    proxies: readonly [Acexy, ...Acexy[]],
    onFailure: (error: unknown) => void,
  ): void {
    this.deps.clock.after(random.exponential(meanMs), () => {
      if (this.isQuiet) return
      this.come(random, meanMs, proxies, onFailure)
      this.watch(random.pick(proxies)).catch(onFailure)
    })
  }

  /** One viewer from the first click to the last frame. */
  async watch(proxy: Acexy): Promise<void> {
    const { random, trace, coverage, audience } = this.deps
    const name = `v${++this.#count}`
    const infohash = `c${random.int(1, audience.contents)}`
    const choice = await proxy.choose(name, random.chance(0.15) ? `key-${name}` : undefined)
    tally(coverage, choice === null ? 'viewers turned away' : 'viewers')
    if (choice === null) return trace.note(name, 'turned away')
    if (choice.how === 'promised') tally(coverage, 'viewers by a 200 alone')
    trace.note(name, `goes to ${short(choice.containerId)} (${choice.how})`)
    const opened = await this.#getStream(choice, infohash)
    if (opened === null) return trace.note(name, 'got no stream')
    await this.#play(name, choice, opened)
  }

  /** `getstream`: the engine needs a while to find peers; the proxy waits for at most 20 s. */
  async #getStream(choice: Choice, infohash: string): Promise<Opened | null> {
    const { host, clock, random } = this.deps
    const reached = host.reach(choice.port)
    if (reached.kind === 'refused') return null
    if (reached.kind === 'silent') {
      await clock.sleep(GETSTREAM_MAX_MS)
      return null
    }
    const { process } = reached
    const arrival = { choice, process }
    this.#arrivals.add(arrival)
    const untilMs = choice.readMs + (choice.how === 'listed' ? LIST_TTL_MS : 0) + GETSTREAM_MAX_MS
    const findingMs = random.chance(0.2) ? random.int(5_000, 19_000) : random.int(200, 3_000)
    await clock.sleep(Math.min(findingMs, untilMs - clock.now()))
    this.#arrivals.delete(arrival)
    if (!process.answers) return null
    const session = process.open(infohash, host.newSessionId())
    process.change(() => {
      session.readers++
    })
    return { process, session }
  }

  async #play(name: string, choice: Choice, { process, session }: Opened): Promise<void> {
    const { clock, random, trace } = this.deps
    const streamId = `${session.infohash}|${session.id}`
    await this.#started(name, choice, { process, session }, streamId)
    const cut = Promise.withResolvers<'cut'>()
    const forget = process.onEnd(() => cut.resolve('cut'))
    const end = process.isEnded ? 'cut' : await Promise.race([cut.promise, this.#stay(clock, random)])
    forget()
    process.change(() => {
      session.readers--
    })
    trace.note(name, end === 'cut' ? 'was cut off' : 'leaves')
    tally(this.deps.coverage, end === 'cut' ? 'viewers cut' : 'viewers left')
    await this.#ended(streamId)
    if (random.chance(0.7)) process.stop(session.id)
  }

  async #stay(clock: Clock, random: Random): Promise<void> {
    const over = new AbortController()
    const isLoyal = random.chance(0.5)
    const lastMs = random.int(0, 15_000)
    await Promise.race([
      clock.sleep(random.exponential(this.deps.audience.stayMs), over.signal),
      this.#quiet.promise,
    ])
    over.abort()
    if (!this.isQuiet) return
    await clock.sleep(isLoyal ? Number.MAX_SAFE_INTEGER : lastMs)
  }

  async #started(
    name: string,
    choice: Choice,
    { process, session }: Opened,
    streamId: string,
  ): Promise<void> {
    const { http, random, coverage } = this.deps
    if (!this.isQuiet && random.chance(0.03)) return tally(coverage, 'started lost')
    const body = startedBody(choice, session, streamId)
    const answer = await http.ask({ method: 'POST', path: '/events/stream_started', body })
    const told = answer?.status === 200 ? (answer.body as { container_id: string | null }) : null
    this.deps.trace.note(name, `started ${streamId}: ${told === null ? 'lost' : short(told.container_id)}`)
    if (told?.container_id !== process.containerId) return
    session.isReported = true
    this.#reported.push(streamId)
    if (this.#reported.length > REPORTED_MAX) this.#reported.shift()
    tally(coverage, 'streams')
    if (random.chance(0.05)) await http.ask({ method: 'POST', path: '/events/stream_started', body })
  }

  async #ended(streamId: string): Promise<void> {
    const { http, random, coverage } = this.deps
    const send = (id: string) =>
      http.ask({
        method: 'POST',
        path: '/events/stream_ended',
        body: { stream_id: id, reason: 'completed' },
      })
    if (!this.isQuiet && random.chance(0.1)) return tally(coverage, 'ended lost')
    if (!this.isQuiet && random.chance(0.03)) await send(random.pick(this.#reported) ?? streamId)
    await send(streamId)
    if (random.chance(0.1)) await send(streamId)
  }
}

interface Opened {
  readonly process: EngineProcess
  readonly session: Session
}

/** The body as acexy sends it; the engine makes its URLs of the Host header. */
function startedBody({ host, port }: Choice, { id, infohash }: Session, streamId: string) {
  const url = (verb: string): string => `http://${host}:${port}/ace/${verb}/${infohash}/${id}`
  return {
    engine: { host, port },
    stream: { key_type: 'content_id', key: infohash },
    session: { playback_session_id: id, stat_url: url('stat'), command_url: url('cmd'), is_live: 1 },
    labels: { stream_id: streamId },
  }
}
