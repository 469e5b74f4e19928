import type { DockerRight } from '../../src/core/reporting/docker-rights.ts'
import type {
  Commands,
  ContainerObservation,
  ContainerSpec,
  EventHandlers,
  HostFacts,
  Hosts,
  ImageFacts,
  LogBounds,
  LogHandlers,
  LogPart,
  Meters,
  Neighbours,
  Registry,
  Runtime,
  WatchHandlers,
} from '../../src/runtime/runtime.ts'
import type { Verb } from '../support/memory-faults.ts'
import type { MemoryRuntime } from '../support/memory-runtime.ts'
import type { MemorySwarm } from '../support/memory-swarm.ts'
import { type Coverage, count } from './coverage.ts'
import type { CrashPhase, CrashPlan } from './crashes.ts'
import type { FaultDice } from './fault-dice.ts'
import { type Life, never } from './life.ts'
import { AWAITS, callingSite } from './sites.ts'
import { short, type Trace } from './trace.ts'

export interface SimRuntimeDeps {
  readonly host: MemoryRuntime | MemorySwarm
  readonly life: Life
  readonly crashes: CrashPlan
  readonly dice: FaultDice
  readonly coverage: Coverage
  readonly trace: Trace
  /** Called before the container engine is asked, while nothing has changed yet. */
  readonly onAsk: (verb: Verb, id: string, site: string) => void
}

/** How many microtask turns the code gets after an answer, before a crash in the phase `answered`. */
const TURNS_MAX = 12

/**
 * The container engine as one life sees it. Faults and crashes are drawn at every call. After the death it never answers.
 */
export abstract class SimRuntime implements Runtime {
  abstract readonly commands: Commands | null
  abstract readonly meters: Meters | null
  abstract readonly neighbours: Neighbours | null
  abstract readonly registry: Registry | null
  abstract readonly hosts: Hosts | null
  #calls = 0

  constructor(private readonly deps: SimRuntimeDeps) {}

  create(spec: ContainerSpec, signal?: AbortSignal): Promise<string> {
    return this.call('create', spec.name, () => this.deps.host.create(spec, signal))
  }

  /** A start is given up with its life, as a swarm needs somebody who waits to scale a service back. */
  start(id: string, signal?: AbortSignal): Promise<void> {
    return this.untilDeath('start', id, signal, (ended) => this.deps.host.start(id, ended))
  }

  stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    return this.call('stop', id, () => this.deps.host.stop(id, graceSeconds, signal))
  }

  destroy(id: string, signal?: AbortSignal): Promise<void> {
    return this.call('destroy', id, () => this.deps.host.destroy(id, signal))
  }

  discard(id: string, signal?: AbortSignal): Promise<void> {
    return this.call('discard', id, () => this.deps.host.discard(id, signal))
  }

  inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation> {
    return this.call('inspect', id, () => this.deps.host.inspect(id, signal))
  }

  logs(id: string, bounds: LogBounds, signal?: AbortSignal): Promise<string> {
    return this.call('logs', id, () => this.deps.host.logs(id, bounds, signal))
  }

  followLog(id: string, part: LogPart, handlers: LogHandlers, signal: AbortSignal): Promise<void> {
    const { life, host } = this.deps
    const told: LogHandlers = {
      onOpen: () => life.run(() => handlers.onOpen()),
      onLines: (lines) => (life.isDead ? never() : handlers.onLines(lines)),
    }
    return this.untilDeath('followLog', id, signal, (ended) => host.followLog(id, part, told, ended))
  }

  image(reference: string, signal?: AbortSignal): Promise<ImageFacts> {
    return this.call('image', reference, () => this.deps.host.image(reference, signal))
  }

  host(signal?: AbortSignal): Promise<HostFacts> {
    return this.call('host', null, () => this.deps.host.host(signal))
  }

  list(signal?: AbortSignal): Promise<ContainerObservation[]> {
    return this.call('list', null, () => this.deps.host.list(signal))
  }

  forbidden(signal?: AbortSignal): Promise<readonly DockerRight[]> {
    return this.call('forbidden', null, () => this.deps.host.forbidden(signal))
  }

  ping(signal?: AbortSignal): Promise<void> {
    return this.call('ping', null, () => this.deps.host.ping(signal))
  }

  events(handlers: EventHandlers, signal: AbortSignal): Promise<void> {
    const { life, host } = this.deps
    const told: EventHandlers = {
      onOpen: () => life.run(() => handlers.onOpen()),
      onEvent: (event) => life.run(() => handlers.onEvent(event)),
    }
    return this.untilDeath('events', null, signal, (ended) => host.events(told, ended))
  }

  /** The handlers of a watch, which hear nothing more after the life's end. */
  protected heard(handlers: WatchHandlers): WatchHandlers {
    const { life } = this.deps
    return {
      onOpen: () => life.run(() => handlers.onOpen()),
      onChange: () => life.run(() => handlers.onChange()),
    }
  }

  /** Makes a call that the container engine ends when `signal` aborts or the life ends. */
  protected untilDeath(
    verb: Verb,
    subject: string | null,
    signal: AbortSignal | undefined,
    ask: (ended: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const ended = new AbortController()
    const end = () => ended.abort()
    signal?.addEventListener('abort', end, { once: true })
    if (signal?.aborted) end()
    const forget = this.deps.life.onDeath(end)
    return this.call(verb, subject, () => ask(ended.signal)).finally(() => {
      signal?.removeEventListener('abort', end)
      forget()
    })
  }

  protected call<T>(verb: Verb, subject: string | null, ask: () => Promise<T>): Promise<T> {
    const { life, crashes, dice, coverage, trace, onAsk } = this.deps
    if (life.isDead) return never()
    const site = `${callingSite()}:${verb}`
    const crash = crashes.atCall(verb, () => site)
    if (crash === 'before') {
      this.#crash(site, crash)
      return never()
    }
    if (subject !== null) onAsk(verb, subject, site)
    const { answer, fault } = dice.during({ verb, subject }, AWAITS[site] ?? 1, ask)
    count(coverage.calls, site, 'calls')
    if (fault !== null) count(coverage.faults, site, fault)
    if (verb !== 'ping' || fault !== null)
      trace.note('call', `${site} ${short(subject)}${fault === null ? '' : ` !${fault}`}`)
    this.#calls++
    return new Promise((resolve, reject) => {
      answer.then(
        (value) => this.#answered(site, crash, () => resolve(value)),
        (error: unknown) => this.#answered(site, crash, () => reject(error)),
      )
    })
  }

  #answered(site: string, crash: CrashPhase | null, tell: () => void): void {
    if (this.deps.life.isDead) return
    if (crash === 'unanswered') {
      this.#crash(site, crash)
      return
    }
    tell()
    if (crash === 'answered') void this.#crashSoon(site, crash)
  }

  async #crashSoon(site: string, crash: CrashPhase): Promise<void> {
    const turns = (this.#calls * 7) % TURNS_MAX
    for (let turn = 0; turn < turns; turn++) await null
    this.#crash(site, crash)
  }

  #crash(site: string, phase: CrashPhase): void {
    const { life, coverage, trace } = this.deps
    if (life.isDead) return
    count(coverage.crashes, site, phase)
    trace.note('CRASH', `life ${life.number} at ${site}, ${phase}`)
    life.die()
  }
}
