import { newEngineWarning, type Reachable, silenceWarning } from '../../core/proxies/contact.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { Loop } from '../../lib/loop.ts'
import type { Warnings } from '../reporting/warnings.ts'
import { type ProxyContacts, SILENT_MS } from './proxy-contacts.ts'
import type { ProxyPlaces } from './proxy-places.ts'

export interface ProxyReportsDeps {
  readonly clock: Clock
  readonly contacts: Pick<ProxyContacts, 'lastHeardMs' | 'present'>
  /** Null if containers are not seen by their address. */
  readonly places: Pick<ProxyPlaces, 'look'> | null
  readonly reach: { look(): void }
  readonly warnings: Pick<Warnings, 'tell'>
  /** Where proxies reach this server. */
  readonly reachable: () => Reachable
  /** Whether a proxy that asked now would get an engine. */
  readonly canServe: () => boolean
  /** The names of the VPN nodes. */
  readonly nodes: readonly string[]
  /** Whether an engine is kept free for the next viewer. */
  readonly keepsFree: boolean
  readonly onError: OnError
}

const LOOK_MS = 5_000

/** Finds out from where proxies ask, and tells what follows from it: that none asks, or that one cannot reach engines. */
export class ProxyReports {
  readonly #loop: Loop
  readonly #startedMs: number

  constructor(private readonly deps: ProxyReportsDeps) {
    const { clock, onError } = deps
    this.#startedMs = clock.now()
    const work = async (signal: AbortSignal): Promise<void> => {
      await deps.places?.look(signal)
      this.#tell()
    }
    this.#loop = new Loop({ clock, intervalMs: LOOK_MS, first: 'later', work, onError })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  #tell(): void {
    const { contacts, reach, warnings, nodes, keepsFree } = this.deps
    const containers = contacts
      .present()
      .flatMap(({ place }) => (place.kind === 'container' ? [place.container] : []))
    warnings.tell('free_engine_needed', newEngineWarning(containers, { nodes, keepsFree }))
    warnings.tell('no_proxy_heard', this.#isSilent() ? this.#silence() : null)
    reach.look()
  }

  #isSilent(): boolean {
    const { clock, contacts, canServe } = this.deps
    const sinceMs = contacts.lastHeardMs() ?? this.#startedMs
    return clock.now() - sinceMs >= SILENT_MS && canServe()
  }

  #silence() {
    const { contacts, reachable } = this.deps
    return silenceWarning(contacts.lastHeardMs(), reachable())
  }
}
