import type { Clock } from '../../src/lib/clock.ts'
import type { AcexyEngine } from '../support/acexy-wire.ts'
import type { Acexy, Choice, TurnedAway } from './acexy.ts'
import type { ChoiceChecks } from './choice-checks.ts'
import type { Coverage } from './coverage.ts'
import { tally } from './coverage.ts'
import { type EngineProcess, isDead } from './engine-process.ts'
import type { HostChecks } from './host-checks.ts'
import type { Http } from './http.ts'
import type { Random } from './random.ts'
import { type Opened, Reports, type Visit } from './reports.ts'
import type { Audience } from './scenario.ts'
import type { SimHost } from './sim-host.ts'
import type { StreamChecks } from './stream-checks.ts'
import { short, type Trace } from './trace.ts'

export interface ViewerDeps {
  readonly clock: Clock
  readonly http: Http
  readonly host: SimHost
  readonly random: Random
  readonly trace: Trace
  readonly coverage: Coverage
  readonly audience: Audience
  readonly choices: Pick<ChoiceChecks, 'failed'>
  readonly hosts: Pick<HostChecks, 'reached'>
  readonly streamChecks: Pick<StreamChecks, 'answered'>
}

/** A viewer on the way to an engine that was chosen, before the orchestrator has heard of the stream. */
export interface Arrival {
  readonly choice: Choice
  readonly process: EngineProcess
}

const GETSTREAM_MAX_MS = 20_000
/** The greatest age of the list that an engine was chosen from. */
const LIST_TTL_MS = 2_000
/** The longest delay until a viewer without a proxy goes to an engine. */
const LATE_MAX_MS = 120_000
/** A viewer that receives nothing for this long gives up, as real proxies and players do. */
const PATIENCE_MS = 60_000

/** How long a proxy waits for the first bytes of an engine. */
const FIRST_BYTES_MS = 20_000
/** How soon somebody who leaves a channel opens the next one, and until when the proxy has reported the end. */
const ZAP_MAX_MS = 4_000
const REPORT_MS = { min: 100, max: 8_000 } as const

const ENDS = { cut: 'was cut off', starved: 'got nothing', left: 'leaves' } as const

/** People who watch through proxies, which report them or fail to, and without a proxy. */
export class Viewers {
  /** Whether no event is lost or repeated any more, and remaining viewers stay to the end. */
  isQuiet = false
  readonly #arrivals = new Set<Arrival>()
  readonly #quiet = Promise.withResolvers<void>()
  readonly #reports: Reports
  readonly #zaps: Random
  #count = 0

  constructor(private readonly deps: ViewerDeps) {
    this.#zaps = deps.random.stream('zaps')
    this.#reports = new Reports({ ...deps, isQuiet: () => this.isQuiet })
  }

  /** From now on no event is lost. Half of the present viewers leave soon, the others stay to the end. */
  quieten(): void {
    this.isQuiet = true
    this.#quiet.resolve()
  }

  /** Viewers whose engine must not be stopped though they have no stream record. */
  arrivals(): readonly Arrival[] {
    return [...this.#arrivals]
  }

  /** Simulates one viewer, from the first click to the last frame; of any content if none is given. */
  async watch(proxy: Acexy, content: string | null = null, isZapping = false): Promise<void> {
    const { random, trace, coverage, audience, choices } = this.deps
    const name = `v${++this.#count}`
    const infohash = content ?? `c${random.int(1, audience.contents)}`
    const choice = await proxy.choose({ name, content: infohash })
    tally(coverage, isTurnedAway(choice) ? `viewers turned away: ${choice.by}` : 'viewers')
    if (isZapping) tally(coverage, `viewers zap: ${choice.by}`)
    if (isTurnedAway(choice)) return trace.note(name, `turned away (${choice.by}, ${choice.retryAfterS} s)`)
    if (choice.how === 'promised') tally(coverage, 'viewers by a 200 alone')
    trace.note(name, `goes to ${short(choice.containerId)} (${choice.by}, ${choice.how})`)
    const opened = await this.#getStream(choice, infohash)
    if (opened === null) {
      choices.failed(name)
      return trace.note(name, 'got no stream')
    }
    const visit = { ...opened, name, choice, apiKey: proxy.apiKey }
    await this.#reports.started(visit)
    const end = await this.#play(name, opened)
    if (end === 'left' && !this.isQuiet && this.#zaps.chance(audience.zapping)) await this.#zap(proxy, visit)
    else await this.#leave(visit, end)
  }

  async #leave(visit: Visit, end: 'left' | 'starved' | 'cut'): Promise<void> {
    await this.#reports.ended(visit, end === 'starved' ? 'timeout' : 'completed')
    if (this.deps.random.chance(0.7)) visit.process.stop(visit.session.id)
  }

  /** Leaves one channel and opens the next, perhaps before the proxy has noticed that nobody reads the first one. */
  async #zap(proxy: Acexy, visit: Visit): Promise<void> {
    const { clock } = this.deps
    const leave = async (): Promise<void> => {
      await clock.sleep(this.#zaps.int(REPORT_MS.min, REPORT_MS.max))
      await this.#leave(visit, 'left')
    }
    const next = async (): Promise<void> => {
      await clock.sleep(this.#zaps.int(0, ZAP_MAX_MS))
      await this.watch(proxy, null, true)
    }
    await Promise.all([leave(), next()])
  }

  /** Simulates a player that goes to the address of an engine it once heard of, whatever happened to the engine since. */
  async watchAlone(random: Random): Promise<void> {
    const { http, host, clock, trace, coverage, audience } = this.deps
    const name = `a${++this.#count}`
    const answer = await http.ask({ method: 'GET', path: '/engines' })
    const row = random.pick(
      (answer?.status === 200 ? answer.body : []) as readonly Pick<AcexyEngine, 'host' | 'port'>[],
    )
    if (row === undefined) return
    await clock.sleep(random.int(0, LATE_MAX_MS))
    const reached = host.reach(row)
    if (reached.kind !== 'answers' || this.isQuiet) return
    const { process } = reached
    tally(coverage, 'viewers without a proxy')
    trace.note(name, `goes to ${short(process.containerId)} by himself`)
    await this.#play(name, this.#open(process, `c${random.int(1, audience.contents)}`))
  }

  /** Simulates `getstream`: the engine needs a while to find peers, and the proxy waits at most 20 s. */
  async #getStream(choice: Choice, infohash: string): Promise<Opened | null> {
    const { host, clock, random } = this.deps
    const reached = host.reach(choice)
    if (reached.kind === 'refused') return null
    if (reached.kind === 'silent') {
      await clock.sleep(GETSTREAM_MAX_MS)
      return null
    }
    const { process } = reached
    this.deps.hosts.reached(choice, process)
    const arrival = { choice, process }
    this.#arrivals.add(arrival)
    const untilMs = choice.readMs + (choice.how === 'listed' ? LIST_TTL_MS : 0) + GETSTREAM_MAX_MS
    const findingMs = random.chance(0.2) ? random.int(5_000, 19_000) : random.int(200, 3_000)
    await clock.sleep(Math.min(findingMs, untilMs - clock.now()))
    this.#arrivals.delete(arrival)
    return process.answers ? this.#open(process, infohash) : null
  }

  #open(process: EngineProcess, infohash: string): Opened {
    const session = process.open(infohash, this.deps.host.newSessionId())
    process.change(() => {
      session.readers++
    })
    return { process, session }
  }

  async #play(name: string, opened: Opened): Promise<'left' | 'starved' | 'cut'> {
    const { trace, coverage } = this.deps
    const { process, session } = opened
    const { bytes } = session
    const cut = Promise.withResolvers<'cut'>()
    const over = new AbortController()
    const forget = process.onEnd(() => cut.resolve('cut'))
    const stay = Promise.race([
      this.#stay(over.signal),
      this.#boredom(opened, over.signal),
      this.#patience(opened, over.signal),
    ])
    const isCut = process.isEnded || (await Promise.race([cut.promise, stay])) === 'cut'
    over.abort()
    forget()
    process.change(() => {
      session.readers--
    })
    // A proxy notices that a viewer has left when it has bytes for it.
    const isStarved = session.bytes === bytes && isFruitless(opened)
    const end = isCut ? 'cut' : isStarved ? 'starved' : 'left'
    trace.note(name, ENDS[end])
    tally(coverage, `viewers ${end}`)
    return end
  }

  /** Ends when nothing came of a content that has no peers, or of an engine that plays nothing. */
  async #patience(opened: Opened, signal: AbortSignal): Promise<void> {
    const { process, session } = opened
    const { bytes } = session
    await this.deps.clock.sleep(FIRST_BYTES_MS, signal)
    if (!signal.aborted) process.change(() => undefined)
    if (signal.aborted || (session.bytes === bytes && isFruitless(opened))) return
    await new Promise(() => undefined)
  }

  /** Ends when a viewer without a stream record received nothing for a minute. Viewers with a record end in other ways. */
  async #boredom({ process, session }: Opened, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { bytes } = session
      await this.deps.clock.sleep(PATIENCE_MS, signal)
      process.change(() => undefined)
      if (signal.aborted || (!session.isReported && session.bytes === bytes)) return
    }
  }

  async #stay(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.deps
    const over = new AbortController()
    const isLoyal = random.chance(0.5)
    const lastMs = random.int(0, 15_000)
    await Promise.race([
      clock.sleep(random.exponential(this.deps.audience.stayMs), over.signal),
      this.#quiet.promise,
    ])
    over.abort()
    if (!this.isQuiet) return
    await clock.sleep(isLoyal ? Number.MAX_SAFE_INTEGER : lastMs, signal)
  }
}

const isTurnedAway = (choice: Choice | TurnedAway): choice is TurnedAway => !('containerId' in choice)

const isFruitless = ({ process, session }: Opened): boolean => process.isMute || isDead(session.infohash)
