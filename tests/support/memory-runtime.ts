import type { DockerRight } from '../../src/core/reporting/docker-rights.ts'
import {
  type CommandResult,
  type Commands,
  type ContainerObservation,
  type ContainerSpec,
  type Health,
  type HostFacts,
  type ImageFacts,
  type LogBounds,
  type LogHandlers,
  type LogPart,
  type Meters,
  type Neighbours,
  type PullProgress,
  type Registry,
  RuntimeFailure,
  type SingleHostRuntime,
  type Traffic,
  type Usage,
  type WatchHandlers,
} from '../../src/runtime/runtime.ts'
import { broken, MemoryApi, type MemoryApiOptions } from './memory-api.ts'
import { asListed, type Command, type Program, type Used, WAITING } from './memory-container.ts'
import { MemoryEngine } from './memory-engine.ts'
import type { Offer } from './memory-images.ts'
import { LogReaders } from './memory-log-readers.ts'
import type { EngineNews } from './memory-subscriptions.ts'

export interface MemoryRuntimeOptions extends MemoryApiOptions {
  /** The images on the host at the start, for `linux` on `amd64`; `addImage` makes others. */
  readonly images: readonly string[]
  /** What the process of a container does; null if all wait until they are stopped. */
  readonly programOf: ((spec: ContainerSpec) => Program) | null
}

/** What the restart policy does when the container engine starts again after `stopDaemon`. */
export interface ComeBack {
  /** Which containers are restarted, of those that no call had stopped; all of them by default. */
  readonly restarts?: 'all' | 'none' | ((id: string) => boolean)
}

/**
 * A Runtime with containers in memory, and with controls for tests: `faults`, time through a clock, and everything that
 * others can do to a real container engine. The tests check it with the same contract suite as the real one. It is
 * deterministic: it has no clock, timer or randomness of its own.
 */
export class MemoryRuntime
  extends MemoryApi
  implements SingleHostRuntime, Commands, Meters, Neighbours, Registry
{
  readonly commands = this
  readonly meters = this
  readonly neighbours = this
  readonly registry = this
  readonly hosts = null
  /** How many milliseconds the pull of an image takes, beside `latencyMs`. Its progress comes in four equal parts. */
  pullMs: (reference: string) => number = () => 0
  hostFacts: HostFacts = { os: 'linux', architecture: 'amd64', version: '20.10.24' }
  /** What something in front of it is said to forbid. */
  forbids: DockerRight[] = []
  /** Whether traffic is counted. */
  countsTraffic = true
  /** The result of a command in a container. */
  commandOf: (command: readonly string[], container: ContainerObservation) => Command = () => ({
    exitCode: 0,
    output: '',
  })
  readonly #engine: MemoryEngine
  readonly #logReaders = new LogReaders()
  /** Whether the engine stopped with all its containers, and has to bring them back. */
  #hasShutDown = false

  constructor(options: MemoryRuntimeOptions) {
    super(options)
    const programOf = options.programOf ?? (() => WAITING)
    this.#engine = new MemoryEngine(options.clock, programOf, (event) => this.tell(event))
    for (const image of options.images) this.#engine.images.add(image)
  }

  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<string> {
    return await this.call('create', spec.name, signal, () => this.#engine.create(spec))
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.call('start', id, signal, () => this.#engine.start(id))
  }

  async stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    await this.call('stop', id, signal, () => this.#engine.stop(id, graceSeconds), graceSeconds * 1000)
  }

  async destroy(id: string, signal?: AbortSignal): Promise<void> {
    await this.call('destroy', id, signal, () => this.#engine.destroy(id))
  }

  async discard(id: string, signal?: AbortSignal): Promise<void> {
    await this.call('discard', id, signal, () => this.#engine.discard(id))
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation> {
    return await this.call('inspect', id, signal, () => this.#engine.look(id))
  }

  async traffic(id: string, signal?: AbortSignal): Promise<Traffic | null> {
    return await this.call('traffic', id, signal, () => {
      const traffic = this.#engine.traffic(id)
      return this.countsTraffic ? traffic : null
    })
  }

  async usage(id: string, signal?: AbortSignal): Promise<Usage | null> {
    return await this.call('usage', id, signal, () => this.#engine.usage(id))
  }

  async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<CommandResult> {
    return await this.call('exec', id, signal, () =>
      this.#engine.exec(id, (container) => this.commandOf(command, container)),
    )
  }

  async logs(id: string, bounds: LogBounds, signal?: AbortSignal): Promise<string> {
    return await this.call('logs', id, signal, () => this.#engine.logs(id, bounds))
  }

  async followLog(id: string, part: LogPart, handlers: LogHandlers, signal: AbortSignal): Promise<void> {
    const life = this.lives
    const find = () => this.call('followLog', id, signal, () => this.#engine.followed(id))
    await this.#logReaders.follow(find, part, handlers, signal)
    if (life !== this.lives && !signal.aborted) throw broken('give a log')
  }

  async image(reference: string, signal?: AbortSignal): Promise<ImageFacts> {
    return await this.call('image', reference, signal, () => this.#engine.images.look(reference))
  }

  async host(signal?: AbortSignal): Promise<HostFacts> {
    return await this.call('host', null, signal, () => this.hostFacts)
  }

  async pull(
    reference: string,
    onProgress: (progress: PullProgress) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const ms = this.pullMs(reference)
    const life = this.lives
    let isWaitedFor = true
    const goesOn = () => isWaitedFor && life === this.lives
    try {
      const pull = { reference, ms, onProgress, goesOn }
      await this.call('pull', reference, signal, () => this.#engine.pull(pull), ms)
    } finally {
      isWaitedFor = false
    }
  }

  async list(signal?: AbortSignal): Promise<ContainerObservation[]> {
    return await this.call('list', null, signal, () =>
      this.#engine
        .lookAtAll()
        .filter((container) => this.isOurs(container))
        .map(asListed),
    )
  }

  async containerAt(address: string, signal?: AbortSignal): Promise<ContainerObservation | null> {
    return await this.call('containerAt', null, signal, () => {
      const found = this.#engine.lookAtAll().find(({ addresses }) => addresses.includes(address))
      return found === undefined ? null : asListed(found)
    })
  }

  async forbidden(signal?: AbortSignal): Promise<readonly DockerRight[]> {
    return await this.call('forbidden', null, signal, () => [...this.forbids])
  }

  async watch(name: string, { onOpen, onChange }: WatchHandlers, signal: AbortSignal): Promise<void> {
    if (!/^[\w.-]+$/.test(name)) throw new RuntimeFailure('not_found', `There is no container "${name}".`)
    const hears = (news: EngineNews) => news.name === name
    await this.subscribe('watch', name, { hears, tell: () => onChange(), onOpen }, signal)
  }

  /** Lists every container on the host, ours or not, as `inspect` shows it. Makes no call, so it never fails. */
  containers(): ContainerObservation[] {
    return this.#engine.lookAtAll()
  }

  /** The specification that a container was created with; undefined if there is none with that id. */
  specOf(id: string): ContainerSpec | undefined {
    return this.#engine.specOf(id)
  }

  /** Acts as if somebody ran `docker create`. The labels decide whether the container is ours. Returns the id. */
  createOutside(spec: ContainerSpec): string {
    return this.#engine.create(spec)
  }

  /**
   * Sets the verdict of the container's health check, and reports a changed verdict to watchers; null removes the check. As
   * in Docker, a start makes it `starting` and an end `unhealthy`.
   */
  setHealth(id: string, health: Health | null, text: string | null = null): void {
    this.#engine.setHealth(id, health, text)
  }

  /** Puts an image on the host, or lets its name stand for another image from now on. */
  addImage(image: string, facts?: Partial<ImageFacts>): void {
    this.#engine.images.add(image, facts)
  }

  removeImage(image: string): void {
    this.#engine.images.remove(image)
  }

  /** Puts an image into a registry, so that it can be pulled. */
  offerImage(image: string, offer: Offer = {}): void {
    this.#engine.images.offer(image, offer)
  }

  /** Lets a container write to its log. */
  write(id: string, text: string): void {
    this.#engine.write(id, text)
  }

  addNetwork(network: string): void {
    this.#engine.networks.add(network)
  }

  /** Lets a process outside take a host port. */
  takePort(port: number, protocol: 'tcp' | 'udp' = 'tcp'): void {
    this.#engine.takePort(port, protocol)
  }

  releasePort(port: number, protocol: 'tcp' | 'udp' = 'tcp'): void {
    this.#engine.releasePort(port, protocol)
  }

  startOutside(id: string): void {
    this.#engine.start(id)
  }

  async stopOutside(id: string, graceSeconds = 0): Promise<void> {
    await this.#engine.stop(id, graceSeconds)
  }

  /** Acts as if somebody ran `docker restart`. Containers that join its network keep running. */
  async restartOutside(id: string, graceSeconds = 0): Promise<void> {
    await this.#engine.stop(id, graceSeconds)
    this.#engine.start(id)
  }

  removeOutside(id: string): void {
    this.#engine.destroy(id)
  }

  /** Acts as if somebody ran `docker rename`. None of our events reports that. */
  renameOutside(id: string, name: string): void {
    this.#engine.rename(id, name)
  }

  /** Acts as if somebody ran `docker kill`: the container stays exited. */
  kill(id: string): void {
    this.#engine.kill(id)
  }

  /**
   * Lets the container's process end by itself. The restart policy restarts it after 100 ms, then 200 ms, and so on; after
   * 100 ms again if it ran for ten seconds.
   */
  crash(id: string, exitCode = 1): void {
    this.#engine.crash(id, exitCode)
  }

  /** Adds bytes received and sent by a running container. Its counters begin at zero with every start. */
  addTraffic(id: string, receivedBytes: number, sentBytes = 0): void {
    this.#engine.addTraffic(id, receivedBytes, sentBytes)
  }

  /** Sets what a running container has used since its start. */
  use(id: string, used: Partial<Used>): void {
    this.#engine.use(id, used)
  }

  pause(id: string): void {
    this.#engine.pause(id)
  }

  unpause(id: string): void {
    this.#engine.unpause(id)
  }

  /** How many logs are followed now. */
  followedLogs(): number {
    return this.#logReaders.size
  }

  /** Makes the engine unreachable. The containers live on (live-restore); `stopDaemon` is the other case. */
  override goDown(): void {
    super.goDown()
    this.#logReaders.breakAll()
  }

  /**
   * Stops the engine with all containers (no live-restore). Docker reports most deaths before its event streams break; a
   * host that is switched off reports none.
   */
  stopDaemon({ tellsDeaths }: { readonly tellsDeaths: boolean }): void {
    const deaths = this.#engine.shutDown()
    if (tellsDeaths) for (const death of deaths) this.tellAtOnce(death)
    this.#hasShutDown = true
    this.goDown()
  }

  /**
   * Starts the engine again. After `stopDaemon`, it first restarts the containers that no call had stopped, with their
   * restart counts reset, as Docker does before it accepts connections. No event reports that.
   */
  override comeUp({ restarts = 'all' }: ComeBack = {}): void {
    super.comeUp()
    if (!this.#hasShutDown) return
    this.#hasShutDown = false
    this.#engine.restore(typeof restarts === 'function' ? restarts : () => restarts === 'all')
  }
}
