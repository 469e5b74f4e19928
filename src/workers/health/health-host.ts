import { WorkerHost, type WorkerOptions } from '../worker-host.ts'
import {
  type BootFact,
  type FromHealthWorker,
  type HealthPace,
  type NetworkFact,
  type ProbeFact,
  type ProbeTarget,
  parseFromHealthWorker,
  type SessionFact,
  type ToHealthWorker,
  type UnaskedFact,
} from './health-protocol.ts'

export interface HealthHostOptions extends WorkerOptions {
  readonly pace: HealthPace
}

interface Handlers {
  readonly onFact: (fact: ProbeFact) => void
  readonly onUnasked: (fact: UnaskedFact) => void
  readonly onBoot: (fact: BootFact) => void
  readonly onSessions: (facts: readonly SessionFact[]) => void
  readonly onNetwork: (facts: readonly NetworkFact[]) => void
  readonly onLost: () => void
}

/** The main thread's side of the health worker; see `WorkerHost`. */
export class HealthHost {
  #handlers: Handlers | null = null
  #targets: readonly ProbeTarget[] = []
  readonly #host: WorkerHost<ToHealthWorker, FromHealthWorker>

  constructor({ pace, ...options }: HealthHostOptions) {
    this.#host = new WorkerHost({
      ...options,
      name: 'health worker',
      parse: parseFromHealthWorker,
      handshake: () => [{ type: 'configure', ...pace }, this.#targetsCommand()],
      onFact: (fact) => this.#tell(fact),
      onLost: () => this.#handlers?.onLost(),
    })
  }

  start(handlers: Handlers): void {
    this.#handlers = handlers
    this.#host.start()
  }

  /** Sets the complete list of engines to probe and to ask about their sessions. */
  setTargets(targets: readonly ProbeTarget[]): void {
    this.#targets = targets
    this.#host.say(this.#targetsCommand())
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

  #targetsCommand(): ToHealthWorker {
    return { type: 'targets', targets: [...this.#targets] }
  }

  #tell(fact: FromHealthWorker): void {
    switch (fact.type) {
      case 'probe':
        this.#handlers?.onFact(fact)
        break
      case 'unasked':
        this.#handlers?.onUnasked(fact)
        break
      case 'boot':
        this.#handlers?.onBoot(fact)
        break
      case 'sessions':
        this.#handlers?.onSessions(fact.answers)
        break
      case 'network':
        this.#handlers?.onNetwork(fact.answers)
        break
    }
  }
}
