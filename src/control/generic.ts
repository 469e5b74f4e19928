import {
  ProvisionRefused,
  permanent,
  type Refusal,
  runtimeUnavailable,
  storageUnavailable,
} from '../core/refusal.ts'
import type { Clock } from '../lib/clock.ts'
import { type PublishedPort, type Runtime, RuntimeFailure } from '../runtime/runtime.ts'
import { appendJournal, type JournalEntry } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import type { Facts } from './facts.ts'
import { refusalOf } from './launcher.ts'
import { type EngineTemplate, GENERIC_LABEL, INSTALLATION_LABEL } from './template.ts'

/** A container that is no engine. */
export interface GenericRequest {
  readonly image: string | null
  readonly env: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly PublishedPort[]
  readonly namePrefix: string
}

/** Starts containers that are not engines: they carry our label, and `/by-label` and `/containers/{id}` know them. */
export class GenericProvisioner {
  readonly #inHand = new Set<string>()

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly runtime: Runtime
      readonly facts: Facts
      readonly template: EngineTemplate
      readonly newId: () => string
    },
  ) {}

  /** Whether this process is making the container with this value of the generic label. */
  isInHand(id: string): boolean {
    return this.#inHand.has(id)
  }

  /** Creates and starts; gives id and name. Throws ProvisionRefused, with nothing left behind where Docker answers. */
  async provision(request: GenericRequest): Promise<{ containerId: string; name: string }> {
    const storage = this.deps.store.failure()
    if (storage !== null) throw new ProvisionRefused(storageUnavailable(storage.message))
    const docker = this.deps.facts.docker()
    if (docker.state === 'unreachable') throw new ProvisionRefused(runtimeUnavailable(docker.error))
    const id = this.deps.newId()
    // Random, so that no count of other containers is needed and no two calls meet.
    const name = `${request.namePrefix}-${id.slice(0, 8)}`
    // Before anything is done, so that nothing is where it can't be written.
    this.#note('provision.started', { name })
    this.#inHand.add(id)
    try {
      const containerId = await this.#start(request, { id, name })
      this.#note('provision.completed', { name, container_id: containerId })
      return { containerId, name }
    } catch (error) {
      if (error instanceof ProvisionRefused) this.#note('provision.failed', { name, reason: error.message })
      throw error
    } finally {
      this.#inHand.delete(id)
    }
  }

  async #start(request: GenericRequest, given: { id: string; name: string }): Promise<string> {
    const { runtime } = this.deps
    const image = request.image ?? this.deps.template.image
    const containerId = await runtime
      .create(this.#spec(request, { image, ...given }))
      .catch((error: unknown) => {
        throw refused(error, (failure) => refusalOf({ image }, failure))
      })
    try {
      await runtime.start(containerId)
      return containerId
    } catch (error) {
      // Not removed now means removed by the next full pass: it was never started.
      await runtime.destroy(containerId).catch(() => undefined)
      throw refused(error, (failure) => refusalOf({ image }, failure))
    }
  }

  #note(kind: JournalEntry['kind'], detail: Readonly<Record<string, string>>): void {
    const { store, clock } = this.deps
    store.transact((tx) => appendJournal(tx, clock.now(), { kind, detail: { ...detail, generic: true } }))
  }

  #spec(request: GenericRequest, given: { image: string; name: string; id: string }) {
    const { template } = this.deps
    return {
      name: given.name,
      image: given.image,
      env: request.env,
      labels: {
        ...request.labels,
        [template.label.key]: template.label.value,
        [INSTALLATION_LABEL]: template.installation,
        [GENERIC_LABEL]: given.id,
      },
      ports: request.ports,
      publishAddress: template.publishAddress,
      network: template.network,
      memoryBytes: template.memoryBytes,
      cpus: template.cpus,
    }
  }
}

function refused(error: unknown, inWords: (failure: RuntimeFailure) => Refusal): unknown {
  if (!(error instanceof RuntimeFailure)) return error
  const isPort = error.code === 'port_taken'
  return new ProvisionRefused(isPort ? permanent(error.message) : inWords(error), error)
}
