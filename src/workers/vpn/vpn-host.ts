import { WorkerHost, type WorkerOptions } from '../worker-host.ts'
import { type ContainerFact, type ControlFact, parseFromVpnWorker, type VpnSettings } from './vpn-protocol.ts'

export interface VpnHostOptions extends WorkerOptions {
  readonly settings: VpnSettings
}

interface Handlers {
  readonly onContainer: (fact: ContainerFact) => void
  readonly onControl: (fact: ControlFact) => void
  /** Called when all reported facts are out of date. */
  readonly onLost: () => void
}

/** The main thread's side of the VPN worker; see `WorkerHost`. */
export class VpnHost {
  #handlers: Handlers | null = null
  readonly #host: WorkerHost<{ readonly type: 'configure' } & VpnSettings, ContainerFact | ControlFact>

  constructor({ settings, ...options }: VpnHostOptions) {
    this.#host = new WorkerHost({
      ...options,
      name: 'VPN worker',
      parse: parseFromVpnWorker,
      handshake: () => [{ type: 'configure', ...settings }],
      onFact: (fact) => this.#tell(fact),
      onLost: () => this.#handlers?.onLost(),
    })
  }

  start(handlers: Handlers): void {
    this.#handlers = handlers
    this.#host.start()
  }

  stop(): Promise<void> {
    return this.#host.stop()
  }

  /** See `WorkerHost.restarts`. */
  restarts(): number {
    return this.#host.restarts()
  }

  /** For crash tests: see `WorkerHost.crash`. */
  crash(): void {
    this.#host.crash()
  }

  #tell(fact: ContainerFact | ControlFact): void {
    if (fact.type === 'container') this.#handlers?.onContainer(fact)
    else this.#handlers?.onControl(fact)
  }
}
