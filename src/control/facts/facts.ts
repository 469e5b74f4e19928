import { agedHealth, type Health, type Probe, unknownHealth, withProbe } from '../../core/engines/health.ts'
import { type DockerState, type Engine, isRunning, type StopCause } from '../../core/types.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'

/** What is known of the container engine, since when, and why not more. */
export interface DockerFact {
  readonly state: DockerState
  readonly sinceMs: number
  readonly error: string
}

/** How far what is known of the containers can be relied on. */
export interface Watch {
  /** Everything has been looked at since the last gap. */
  readonly isCurrent: boolean
  /** Since when no event was missed; infinite while none is told. */
  readonly sinceMs: number
}

/**
 * What the outside was last seen to be like: kept in memory, never stored, unknown after a restart. `version` grows with
 * every change that an answer could show.
 */
export class Facts {
  #version = 0
  #docker: DockerFact
  readonly #health = new Map<string, Health>()
  readonly #lastSeen = new Map<string, number>()
  /** Since when the present process of each engine is probed. */
  readonly #probed = new Map<string, { readonly generation: number; readonly sinceMs: number }>()
  /** Containers that were heard to stop and not looked at since. */
  readonly #stopped = new Set<string>()
  readonly #news: Emitter
  #hasLostDocker = false
  #watch: Watch = { isCurrent: false, sinceMs: Number.POSITIVE_INFINITY }
  /** When each was heard to stop, by our clock, if it was not looked at since. */
  readonly #heardStops = new Map<string, number>()
  /** When each container was last seen to have started. */
  readonly #startedAt = new Map<string, number>()

  constructor(
    nowMs: number,
    private readonly settings: {
      readonly failureThreshold: number
      readonly maxAgeMs: number
      /** Hears of listeners that fail. */
      readonly onError: OnError
    },
  ) {
    this.#news = new Emitter(settings.onError)
    this.#docker = { state: 'unknown', sinceMs: nowMs, error: 'it was not asked yet' }
  }

  version(): number {
    return this.#version
  }

  /** Calls `listener` when something changed that a decision depends on; it must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  docker(): DockerFact {
    return this.#docker
  }

  watch(): Watch {
    return this.#watch
  }

  /** Events are told from `sinceMs` on (infinite: not any more), and what happened before is not known yet. */
  setGap(sinceMs: number): void {
    this.#watch = { isCurrent: false, sinceMs }
    this.#hasLostDocker ||= sinceMs === Number.POSITIVE_INFINITY
    this.#news.emit()
  }

  /** Everything was looked at, and no gap has come since. */
  setCurrent(): void {
    if (this.#watch.isCurrent) return
    this.#watch = { ...this.#watch, isCurrent: true }
    this.#news.emit()
  }

  /** Notes whether Docker answers; true when that is news. */
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

  /** This start of the engine is probed from now on, if it was not before; what was said of another start is forgotten. */
  setProbed(engineId: string, generation: number, nowMs: number): void {
    const known = this.#probed.get(engineId)
    if (known?.generation === generation) return
    if (known !== undefined) this.forgetHealth(engineId)
    this.#probed.set(engineId, { generation, sinceMs: nowMs })
  }

  /** Since when this start of the engine is probed; null when it is not. */
  probedSinceMs(engineId: string, generation: number): number | null {
    const known = this.#probed.get(engineId)
    return known?.generation === generation ? known.sinceMs : null
  }

  /** It could not be asked: what time it has to answer begins anew, and of its health nothing was heard. */
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

  /** The container was seen to run. */
  seen(engineId: string, nowMs: number): void {
    this.#lastSeen.set(engineId, nowMs)
    this.#version++
  }

  lastSeen(engineId: string): number | undefined {
    return this.#lastSeen.get(engineId)
  }

  /**
   * An event said that the container stopped: it counts as not running from now on, before anything is written, until a
   * look has found out. An event from before its last known start is about another process and changes nothing; within
   * one millisecond of it the order is not known, and the look tells.
   */
  heardStop(containerId: string, atMs: number, nowMs: number): void {
    this.#heardStops.set(containerId, nowMs)
    if (atMs <= (this.#startedAt.get(containerId) ?? 0)) return
    this.#stopped.add(containerId)
    this.#version++
  }

  /**
   * How a container that stands still came to it: `exit` when its end was heard, by ears that have missed nothing since.
   * To be asked before `looked`.
   */
  stopCause(containerId: string): StopCause {
    const heardMs = this.#heardStops.get(containerId)
    return heardMs !== undefined && heardMs >= this.#watch.sinceMs ? 'exit' : 'outage'
  }

  /** Whether the container engine, or its word on what happens, was lost since the start of this process. */
  hasLostDocker(): boolean {
    return this.#hasLostDocker
  }

  /** The container was looked at and its row says what was seen. */
  looked(containerId: string, startedAtMs: number | null): void {
    this.#heardStops.delete(containerId)
    if (startedAtMs === null) this.#startedAt.delete(containerId)
    else this.#startedAt.set(containerId, startedAtMs)
    if (this.#stopped.delete(containerId)) this.#version++
  }

  /** True when the engine's container runs as far as is known: by its row, and by what was heard since. */
  isRunning(engine: Pick<Engine, 'containerId' | 'containerState'>): boolean {
    return isRunning(engine) && !(engine.containerId !== null && this.#stopped.has(engine.containerId))
  }

  /** Turns verdicts without a recent probe into unknown ones. */
  age(nowMs: number): void {
    for (const [id, health] of this.#health) {
      const aged = agedHealth(health, nowMs, this.settings.maxAgeMs)
      if (aged === health) continue
      this.#health.set(id, aged)
      this.#version++
    }
  }

  /** Forgets the verdict of an engine whose process is another one now. */
  forgetHealth(engineId: string): void {
    if (this.#health.delete(engineId)) this.#version++
  }

  /** Nobody probes any more: all verdicts are unknown until somebody does. */
  forgetAllHealth(): void {
    this.#health.clear()
    this.#probed.clear()
    this.#version++
  }

  /** Drops what is kept of all others. */
  keepOnly(engines: readonly Pick<Engine, 'id' | 'containerId'>[]): void {
    const ids = new Set(engines.map(({ id }) => id))
    const containers = new Set(engines.flatMap(({ containerId }) => containerId ?? []))
    for (const kept of [this.#probed, this.#health, this.#lastSeen]) keepOnly(kept, ids)
    for (const kept of [this.#heardStops, this.#stopped, this.#startedAt]) keepOnly(kept, containers)
  }
}
