import type { EngineHost } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { Loop } from '../../lib/loop.ts'
import { type Hosts, RuntimeFailure } from '../../runtime/runtime.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { HostWarnings } from './host-warnings.ts'

/** How often the hosts are listed without a change that was told, and how long after a subscription ended. */
const INTERVAL_MS = 5_000

/** Keeps the list of hosts: lists them at the start, at every change that is told, and from time to time. */
export class HostWatch {
  #hasListed = false
  readonly #listing: Loop
  readonly #listening: Loop

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly hosts: Hosts
      readonly facts: HostFacts
      readonly warnings: Pick<HostWarnings, 'tell'>
      readonly onError: OnError
    },
  ) {
    const { clock, onError } = deps
    const loop = (work: (signal: AbortSignal) => Promise<void>): Loop =>
      new Loop({ clock, intervalMs: INTERVAL_MS, first: 'now', work, onError })
    this.#listing = loop((signal) => this.#list(signal))
    this.#listening = loop((signal) => this.#listen(signal))
  }

  /** Whether the hosts have been seen since the start. Before that, no engine can be started. */
  hasListed(): boolean {
    return this.#hasListed
  }

  start(): void {
    this.#listing.start()
    this.#listening.start()
  }

  async stop(): Promise<void> {
    await Promise.all([this.#listing.stop(), this.#listening.stop()])
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { hosts, onError } = this.deps
    const look = (): void => void this.#list(signal).catch(onError)
    try {
      await hosts.watch({ onOpen: look, onChange: look }, signal)
    } catch (error) {
      // Whoever watches the container engine tells why it does not answer.
      if (!(error instanceof RuntimeFailure)) throw error
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { store, clock, hosts, facts, warnings } = this.deps
    try {
      const seen = await hosts.list(signal)
      const used = liveEngines(store.db).flatMap(({ host }): EngineHost[] => (host === null ? [] : [host]))
      this.#hasListed = true
      facts.note(seen, [...new Map(used.map((host) => [host.id, host])).values()], clock.now())
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      return
    }
    warnings.tell()
  }
}
