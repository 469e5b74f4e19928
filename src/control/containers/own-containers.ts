import { shownValues } from '../../core/secrets.ts'
import type { ContainerObservation, Runtime } from '../../runtime/runtime.ts'
import { containerNamed } from '../engines/references.ts'
import { CONTAINER_NOT_FOUND, NotFound } from '../errors.ts'
import type { Installation } from './installation.ts'

/**
 * Shows what Docker says about our own containers, engines and others. It asks Docker, so no request of a proxy may use it.
 */
export class OwnContainers {
  constructor(
    private readonly deps: { readonly runtime: Runtime; readonly installation: Pick<Installation, 'isOurs'> },
  ) {}

  /**
   * Shows one container. Throws NotFound for a container that does not exist, and also for one that is not ours, so that it
   * stays unknown. Throws InvalidRequest if the id is too short or ambiguous.
   */
  async show(idOrName: string) {
    // The list does not contain the ports of a stopped container.
    const seen = await this.deps.runtime.inspect(await this.idOf(idOrName))
    return {
      id: seen.id,
      name: seen.name,
      image: seen.image,
      created: new Date(seen.createdAtMs).toISOString(),
      status: seen.state,
      labels: shownValues(seen.labels),
      ports: seen.ports.map(({ containerPort, hostPort, protocol }) => ({
        container_port: containerPort,
        host_port: hostPort,
        protocol,
      })),
    }
  }

  /** The whole id of one of our containers. Throws like `show`. */
  async idOf(idOrName: string): Promise<string> {
    const named = containerNamed(await this.#list(), idOrName)
    if (named === undefined) throw new NotFound(CONTAINER_NOT_FOUND)
    return named.id
  }

  /** Our containers that carry this label with this value. */
  async byLabel(key: string, value: string) {
    const all = await this.#list()
    return all
      .filter(({ labels }) => labels[key] === value)
      .map(({ id, name, state, labels }) => ({ id, name, status: state, labels: shownValues(labels) }))
  }

  async #list(): Promise<readonly ContainerObservation[]> {
    const { runtime, installation } = this.deps
    return (await runtime.list()).filter((container) => installation.isOurs(container))
  }
}
