import { conditionOf, type ObservedHost } from '../../core/hosts/host-state.ts'
import type { Engine } from '../../core/types.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import type { HostObservation } from '../../runtime/runtime.ts'

/** The hosts of the container engine, as they were last seen. Kept in memory, unknown after a restart. */
export class HostFacts {
  #hosts: readonly HostObservation[] | null = null
  readonly #conditions = new Map<string, ObservedHost>()
  #sign = ''
  #version = 0
  readonly #news: Emitter

  /** `onError` receives the errors of listeners. */
  constructor(onError: OnError) {
    this.#news = new Emitter(onError)
  }

  /** Grows with every change. */
  version(): number {
    return this.#version
  }

  /** Calls `listener` when something about a host has changed. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** All hosts, in the order of their names; null if nobody has seen them yet, or if there is one host, which needs no name. */
  all(): readonly HostObservation[] | null {
    return this.#hosts
  }

  /** The host of an engine; null if it has none or nothing is known. A host that is no longer listed is lost. */
  of({ host }: Pick<Engine, 'host'>): ObservedHost | null {
    return host === null ? null : (this.#conditions.get(host.id) ?? null)
  }

  /** All hosts that are or were there since the start, with their condition. */
  conditions(): ReadonlyMap<string, ObservedHost> {
    return this.#conditions
  }

  /** Replaces what is known by a complete list, in any order. `kept` are the ids of hosts that engines are on. */
  note(seen: readonly HostObservation[], kept: readonly { id: string; name: string }[], nowMs: number): void {
    const hosts = seen.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    const sign = JSON.stringify([hosts, kept])
    if (sign === this.#sign) return
    this.#sign = sign
    const listed = new Set(hosts.map(({ id }) => id))
    const gone = kept.filter(({ id }) => !listed.has(id))
    for (const id of this.#conditions.keys())
      if (!listed.has(id) && !gone.some((each) => each.id === id)) this.#conditions.delete(id)
    for (const host of hosts) this.#set(host.id, { name: host.name, condition: conditionOf(host) }, nowMs)
    for (const { id, name } of gone) this.#set(id, { name, condition: 'lost' }, nowMs)
    this.#hosts = hosts
    this.#version++
    this.#news.emit()
  }

  #set(id: string, now: Pick<ObservedHost, 'name' | 'condition'>, nowMs: number): void {
    const before = this.#conditions.get(id)
    const sinceMs = before?.condition === now.condition ? before.sinceMs : nowMs
    this.#conditions.set(id, { ...now, sinceMs })
  }
}
