import { HOST_SCOPE } from '../../core/engines/ports.ts'
import {
  ProvisionRefused,
  permanent,
  type Refusal,
  runtimeUnavailable,
  storageUnavailable,
  tooManyGeneric,
} from '../../core/provisioning/refusal.ts'
import type { Clock } from '../../lib/clock.ts'
import {
  type ContainerObservation,
  type PublishedPort,
  type Runtime,
  RuntimeFailure,
} from '../../runtime/runtime.ts'
import { appendJournal, type JournalEntry } from '../../store/journal.ts'
import { leasesIn } from '../../store/leases.ts'
import type { Store } from '../../store/store.ts'
import { type EngineTemplate, GENERIC_LABEL, INSTALLATION_LABEL } from '../engines/template.ts'
import { InvalidRequest } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { InHand } from '../facts/in-hand.ts'
import { refusalOf } from './launcher.ts'

/** A request for a container that is not an engine. */
export interface GenericRequest {
  readonly image: string | null
  readonly env: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly PublishedPort[]
  readonly namePrefix: string
}

/** The published ports of each container, by its id, or by the value of its generic label while it is made. */
type Containers = Map<string, readonly PublishedPort[]>

const ENGINES_ONLY =
  'ENGINE_RUNTIME=swarm starts engines only, by POST /provision/acestream; use docker service create for anything else'

/** What a published port occupies on the host. TCP and UDP are separate. */
export const hostPlaceOf = ({ hostPort, protocol }: Omit<PublishedPort, 'containerPort'>): string =>
  `${hostPort}/${protocol}`

/**
 * Starts containers that are not engines. They carry our label, and `/by-label` and `/containers/{id}` show them.
 *
 * INVARIANT: this process never makes more than `max` of them, however many are requested at a time. A request counts from
 * the moment at which there was room for it.
 */
export class GenericProvisioner {
  readonly #begun: Containers = new Map()
  /** For each request for the list in progress: the containers that the list may not contain yet. */
  readonly #besideLists = new Set<Containers>()

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly runtime: Runtime
      readonly facts: Facts
      readonly inHand: Pick<InHand, 'during'>
      readonly template: EngineTemplate
      /** Whether a container belongs to this installation. */
      readonly isOurs: (container: Pick<ContainerObservation, 'id' | 'labels'>) => boolean
      readonly max: number
      /** The host address that their ports are published on; empty for all addresses. */
      readonly publishAddress: string
      /** The network that they join; see `OwnPlaces.network`. */
      readonly networkOf: () => Promise<string | null>
      readonly newId: () => string
    },
  ) {}

  /**
   * Creates and starts a container. Returns its id and name. Throws ProvisionRefused, with nothing left behind if Docker
   * answers, and InvalidRequest if another container of ours has one of the ports.
   */
  async provision(request: GenericRequest): Promise<{ containerId: string; name: string }> {
    if (this.deps.runtime.hosts !== null) throw new ProvisionRefused(permanent(ENGINES_ONLY))
    const storage = this.deps.store.failure()
    if (storage !== null) throw new ProvisionRefused(storageUnavailable(storage.message))
    const docker = this.deps.facts.docker()
    if (docker.state === 'unreachable') throw new ProvisionRefused(runtimeUnavailable(docker.error))
    const others = await this.#others()
    if (others.size >= this.deps.max) throw new ProvisionRefused(tooManyGeneric(others.size, this.deps.max))
    this.#checkPorts(request, others)
    const id = this.deps.newId()
    // The name is random, so it needs no count of other containers, and two calls do not get the same name.
    const name = `${request.namePrefix}-${id.slice(0, 8)}`
    // Written before the container is made, so that none is made while the database takes no writes.
    this.#note('provision.started', { name })
    for (const containers of [this.#begun, ...this.#besideLists]) containers.set(id, request.ports)
    try {
      const containerId = await this.deps.inHand.during(id, () => this.#start(request, { id, name }))
      this.#note('provision.completed', { name, container_id: containerId })
      return { containerId, name }
    } catch (error) {
      if (error instanceof ProvisionRefused) this.#note('provision.failed', { name, reason: error.message })
      throw error
    } finally {
      this.#begun.delete(id)
    }
  }

  /**
   * All such containers, including those that are being made. The list may be older than what begins or ends while it is
   * fetched.
   */
  async #others(): Promise<Containers> {
    const { runtime, isOurs, template } = this.deps
    const containers: Containers = new Map(this.#begun)
    this.#besideLists.add(containers)
    try {
      for (const { id, labels, ports } of await runtime.list()) {
        const made = labels[GENERIC_LABEL]
        if (made === undefined || !isOurs({ id, labels })) continue
        // The list does not contain the ports of a container that is not started yet.
        containers.set(id, [...ports, ...(containers.get(made) ?? [])])
        containers.delete(made)
      }
      return containers
    } catch (error) {
      throw refused(error, (failure) => refusalOf({ image: template.image }, failure))
    } finally {
      this.#besideLists.delete(containers)
    }
  }

  /**
   * Throws InvalidRequest if another container of ours has one of the ports. Ports of foreign containers only show at the
   * start.
   */
  #checkPorts({ ports }: GenericRequest, others: Containers): void {
    const leased = leasesIn(this.deps.store.db, HOST_SCOPE).flatMap(({ port, kind }) =>
      kind === 'p2p' && !this.deps.template.publishP2p
        ? []
        : [`${port}/tcp`, ...(kind === 'p2p' ? [`${port}/udp`] : [])],
    )
    const taken = new Set([...leased, ...[...others.values()].flat().map(hostPlaceOf)])
    const clashes = ports.filter((port) => taken.has(hostPlaceOf(port)))
    if (clashes.length === 0) return
    const message = `must be other host ports than ${clashes.map(({ hostPort }) => hostPort).join(', ')}, which a container of ours publishes`
    throw new InvalidRequest([{ path: ['body', 'ports'], message }])
  }

  async #start(request: GenericRequest, given: { id: string; name: string }): Promise<string> {
    const { runtime } = this.deps
    const image = request.image ?? this.deps.template.image
    const containerId = await this.#create(request, { image, ...given }).catch((error: unknown) => {
      throw refused(error, (failure) => refusalOf({ image }, failure))
    })
    try {
      await runtime.start(containerId)
      return containerId
    } catch (error) {
      // A container that can't be removed now was never started, so a later full pass removes it.
      await runtime.destroy(containerId).catch(() => undefined)
      throw refused(error, (failure) => refusalOf({ image }, failure))
    }
  }

  async #create(
    request: GenericRequest,
    given: { image: string; id: string; name: string },
  ): Promise<string> {
    const { runtime, networkOf } = this.deps
    return await runtime.create(this.#spec(request, { ...given, network: await networkOf() }))
  }

  #note(kind: JournalEntry['kind'], detail: Readonly<Record<string, string>>): void {
    const { store, clock } = this.deps
    store.transact((tx) => appendJournal(tx, clock.now(), { kind, detail: { ...detail, generic: true } }))
  }

  #spec(request: GenericRequest, given: { image: string; name: string; id: string; network: string | null }) {
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
      publishAddress: this.deps.publishAddress,
      network: given.network,
      memoryBytes: template.memoryBytes,
      cpus: template.cpus,
      pidsLimit: template.pidsLimit,
    }
  }
}

function refused(error: unknown, inWords: (failure: RuntimeFailure) => Refusal): unknown {
  if (!(error instanceof RuntimeFailure)) return error
  const isPort = error.code === 'port_taken'
  return new ProvisionRefused(isPort ? permanent(error.message) : inWords(error), error)
}
