import { agedHealth, type Health, type Probe, unknownHealth, withProbe } from '../../core/engines/health.ts'
import { type DockerState, type Engine, isRunning, type StopCause } from '../../core/types.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'

/** Whether Docker answers, since when, and if not, why. */
export interface DockerFact {
  readonly state: DockerState
  readonly sinceMs: number
  readonly error: string
}

/** How reliable the known state of the containers is. */
export interface Watch {
  /** True if everything was looked at since the last gap of the event stream. */
  readonly isCurrent: boolean
  /** Since when no event was missed; infinite while no events arrive. */
  readonly sinceMs: number
}

type PublishedBy = Pick<Engine, 'containerId' | 'hostHttpPort'>

/** The TCP ports that a container publishes on its host: all, those on all addresses, and those on loopback ones alone. */
export interface PublishedPorts {
  readonly all: readonly number[]
  readonly open: readonly number[]
  readonly loopback: readonly number[]
}

/**
 * The last known state of Docker, containers and engines. Kept in memory, never stored, unknown after a restart. `version`
 * grows with every change that an API answer could show.
 */
export class Facts {
  #version = 0
  #docker: DockerFact
  /** What something in front of Docker forbids, without which no engine can be run; null for nothing. */
  #forbidden: string | null = null
  readonly #health = new Map<string, Health>()
  readonly #lastSeen = new Map<string, number>()
  /** Since when the current process of each engine is probed. */
  readonly #probed = new Map<string, { readonly generation: number; readonly sinceMs: number }>()
  /** Containers that stopped according to an event and were not looked at since. */
  readonly #stopped = new Set<string>()
  readonly #news: Emitter
  #hasLostDocker = false
  #watch: Watch = { isCurrent: false, sinceMs: Number.POSITIVE_INFINITY }
  /** When the last stop event of each container arrived, by our clock. Only for containers that were not looked at since. */
  readonly #heardStops = new Map<string, number>()
  /** When each container last started, as last seen. */
  readonly #startedAt = new Map<string, number>()

  /** What each container publishes, as of the last full pass. */
  #published: ReadonlyMap<string, PublishedPorts> = new Map()

  constructor(
    nowMs: number,
    private readonly settings: {
      readonly failureThreshold: number
      readonly maxAgeMs: number
      /** Receives the errors of listeners. */
      readonly onError: OnError
    },
  ) {
    this.#news = new Emitter(settings.onError)
    this.#docker = { state: 'unknown', sinceMs: nowMs, error: 'it was not asked yet' }
  }

  version(): number {
    return this.#version
  }

  /** Calls `listener` when something changed that a decision depends on. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** Counts as unreachable, too, if something in front of Docker forbids what engines need. */
  docker(): DockerFact {
    if (this.#forbidden === null || this.#docker.state === 'unreachable') return this.#docker
    return { ...this.#docker, state: 'unreachable', error: this.#forbidden }
  }

  /** Whether Docker answers a ping, whatever is forbidden. */
  pinged(): DockerFact {
    return this.#docker
  }

  /** Why no engine can be run though Docker answers; null if none of that is forbidden. */
  forbidden(): string | null {
    return this.#forbidden
  }

  /** Notes what something in front of Docker forbids, as one sentence; null for nothing that engines need. */
  setForbidden(why: string | null): void {
    if (this.#forbidden === why) return
    this.#forbidden = why
    this.#version++
    this.#news.emit()
  }

  watch(): Watch {
    return this.#watch
  }

  /**
   * Notes a gap of the event stream. Events arrive again from `sinceMs` on (infinite: no events arrive). What happened
   * before is not known yet.
   */
  setGap(sinceMs: number): void {
    this.#watch = { isCurrent: false, sinceMs }
    this.#hasLostDocker ||= sinceMs === Number.POSITIVE_INFINITY
    this.#news.emit()
  }

  /** Notes that everything was looked at and that no gap followed. */
  setCurrent(): void {
    if (this.#watch.isCurrent) return
    this.#watch = { ...this.#watch, isCurrent: true }
    this.#news.emit()
  }

  /** Notes whether Docker answers. Returns true if that changed. */
  setDocker(state: DockerState, nowMs: number, error = ''): boolean {
    if (this.#docker.state === state) return false
    this.#docker = { state, sinceMs: nowMs, error }
    this.#hasLostDocker ||= state === 'unreachable'
    this.#version++
    this.#news.emit()
    return true
  }

  health(engineId: string, nowMs: number): Health {
    return this.#health.get(engineId) ?? unknownHealth(nowMs)
  }

  /**
   * Notes that this start of the engine is probed. If it was not before, its time begins now, and what another start said is
   * forgotten.
   */
  setProbed(engineId: string, generation: number, nowMs: number): void {
    const known = this.#probed.get(engineId)
    if (known?.generation === generation) return
    if (known !== undefined) this.forgetHealth(engineId)
    this.#probed.set(engineId, { generation, sinceMs: nowMs })
  }

  /** Since when this start of the engine is probed; null if it is not probed. */
  probedSinceMs(engineId: string, generation: number): number | null {
    const known = this.#probed.get(engineId)
    return known?.generation === generation ? known.sinceMs : null
  }

  /** Notes that the engine could not be asked. The time that it has to answer begins again; its health stays as it was. */
  notAsked(engineId: string, generation: number, nowMs: number): void {
    if (this.#probed.get(engineId)?.generation === generation)
      this.#probed.set(engineId, { generation, sinceMs: nowMs })
  }

  addProbe(engineId: string, probe: Probe): void {
    const before = this.health(engineId, probe.atMs)
    const after = withProbe(before, probe, this.settings.failureThreshold)
    this.#health.set(engineId, after)
    if (probe.ok) this.#lastSeen.set(engineId, probe.atMs)
    this.#version++
    if (after.verdict !== before.verdict) this.#news.emit()
  }

  /** Notes that the container was seen running. */
  seen(engineId: string, nowMs: number): void {
    this.#lastSeen.set(engineId, nowMs)
    this.#version++
  }

  /** Notes what each container publishes on the host. */
  setPublished(ports: ReadonlyMap<string, PublishedPorts>): void {
    this.#published = ports
  }

  /**
   * At which addresses of the host the engine's HTTP port is published, as of the last full pass; null if it is not, or if
   * that is not known.
   */
  publishedOn({ containerId, hostHttpPort: port }: PublishedBy): 'all' | 'loopback' | 'another' | null {
    const known = this.#published.get(containerId ?? '')
    if (known === undefined || !known.all.includes(port)) return null
    if (known.open.includes(port)) return 'all'
    return known.loopback.includes(port) ? 'loopback' : 'another'
  }

  /** Whether the engine's HTTP port is published on all addresses of the host, as of the last full pass. */
  isOpen(engine: PublishedBy): boolean {
    return this.publishedOn(engine) === 'all'
  }

  /** Whether any engine answered its last probes. */
  doesAnyAnswer(): boolean {
    return [...this.#health.values()].some(({ verdict }) => verdict === 'healthy')
  }

  lastSeen(engineId: string): number | undefined {
    return this.#lastSeen.get(engineId)
  }

  /**
   * Notes an event which says that the container stopped. The container counts as stopped at once, before anything is
   * written, until a look finds out its state. An event from before the last known start is about an earlier process, so the
   * container does not count as stopped. If both are in the same millisecond, their order is not known, and the look
   * decides.
   */
  heardStop(containerId: string, atMs: number, nowMs: number): void {
    this.#heardStops.set(containerId, nowMs)
    if (atMs <= (this.#startedAt.get(containerId) ?? 0)) return
    this.#stopped.add(containerId)
    this.#version++
  }

  /**
   * Why a stopped container stopped: `exit` if a stop event arrived and the event stream was not interrupted since;
   * otherwise `outage`. Call this before `looked`.
   */
  stopCause(containerId: string): StopCause {
    const heardMs = this.#heardStops.get(containerId)
    return heardMs !== undefined && heardMs >= this.#watch.sinceMs ? 'exit' : 'outage'
  }

  /** Whether Docker did not answer, or its events did not arrive, at some time since this process started. */
  hasLostDocker(): boolean {
    return this.#hasLostDocker
  }

  /** Notes that the container was looked at and that its row says what was seen. */
  looked(containerId: string, startedAtMs: number | null): void {
    this.#heardStops.delete(containerId)
    if (startedAtMs === null) this.#startedAt.delete(containerId)
    else this.#startedAt.set(containerId, startedAtMs)
    if (this.#stopped.delete(containerId)) this.#version++
  }

  /** Whether the engine's container runs, as far as its row and later events tell. */
  isRunning(engine: Pick<Engine, 'containerId' | 'containerState'>): boolean {
    return isRunning(engine) && !(engine.containerId !== null && this.#stopped.has(engine.containerId))
  }

  /** Makes verdicts without a recent probe unknown. */
  age(nowMs: number): void {
    for (const [id, health] of this.#health) {
      const aged = agedHealth(health, nowMs, this.settings.maxAgeMs)
      if (aged === health) continue
      this.#health.set(id, aged)
      this.#version++
    }
  }

  /** Forgets the verdict of an engine whose process ended or was replaced. */
  forgetHealth(engineId: string): void {
    if (this.#health.delete(engineId)) this.#version++
  }

  /** Forgets all verdicts. Called when the health worker was lost, because no engine is probed then. */
  forgetAllHealth(): void {
    this.#health.clear()
    this.#probed.clear()
    this.#version++
  }

  /** Drops what is kept about all other engines. */
  keepOnly(engines: readonly Pick<Engine, 'id' | 'containerId'>[]): void {
    const ids = new Set(engines.map(({ id }) => id))
    const containers = new Set(engines.flatMap(({ containerId }) => containerId ?? []))
    for (const kept of [this.#probed, this.#health, this.#lastSeen]) keepOnly(kept, ids)
    for (const kept of [this.#heardStops, this.#stopped, this.#startedAt]) keepOnly(kept, containers)
  }
}
