import type {
  CommandResult,
  Commands,
  ContainerObservation,
  Meters,
  Neighbours,
  PullProgress,
  Registry,
  SingleHostRuntime,
  Traffic,
  Usage,
  WatchHandlers,
} from '../../src/runtime/runtime.ts'
import type { MemoryRuntime } from '../support/memory-runtime.ts'
import { SimRuntime, type SimRuntimeDeps } from './sim-runtime.ts'

/** One Docker Engine as one life sees it. */
export class SimDocker
  extends SimRuntime
  implements SingleHostRuntime, Commands, Meters, Neighbours, Registry
{
  readonly commands = this
  readonly meters = this
  readonly neighbours = this
  readonly registry = this
  readonly hosts = null

  constructor(
    private readonly docker: MemoryRuntime,
    private readonly of: Omit<SimRuntimeDeps, 'host'>,
  ) {
    super({ ...of, host: docker })
  }

  traffic(id: string, signal?: AbortSignal): Promise<Traffic | null> {
    return this.call('traffic', id, () => this.docker.traffic(id, signal))
  }

  usage(id: string, signal?: AbortSignal): Promise<Usage | null> {
    return this.call('usage', id, () => this.docker.usage(id, signal))
  }

  exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<CommandResult> {
    return this.call('exec', id, () => this.docker.exec(id, command, signal))
  }

  pull(reference: string, onProgress: (progress: PullProgress) => void, signal?: AbortSignal): Promise<void> {
    const { life } = this.of
    const told = (progress: PullProgress) => life.run(() => onProgress(progress))
    return this.untilDeath('pull', reference, signal, (ended) => this.docker.pull(reference, told, ended))
  }

  containerAt(address: string, signal?: AbortSignal): Promise<ContainerObservation | null> {
    return this.call('containerAt', null, () => this.docker.containerAt(address, signal))
  }

  watch(name: string, handlers: WatchHandlers, signal: AbortSignal): Promise<void> {
    const told = this.heard(handlers)
    return this.untilDeath('watch', name, signal, (ended) => this.docker.watch(name, told, ended))
  }
}
