import type { DockerRight } from '../../src/core/reporting/docker-rights.ts'
import type {
  ContainerObservation,
  ContainerSpec,
  HostFacts,
  HostObservation,
  Hosts,
  ImageFacts,
  LogBounds,
  LogHandlers,
  LogPart,
  Runtime,
  WatchHandlers,
} from '../../src/runtime/runtime.ts'
import { broken, MemoryApi, type MemoryApiOptions } from './memory-api.ts'
import { asListed, type Program, WAITING } from './memory-container.ts'
import type { Verb } from './memory-faults.ts'
import { type HostFacts as HostIdentity, MemoryHost } from './memory-host.ts'
import { LogReaders } from './memory-log-readers.ts'
import { MemoryServices, type SwarmPace } from './memory-services.ts'

export interface MemorySwarmOptions extends MemoryApiOptions {
  /** The hosts. The one that is ours runs the manager. */
  readonly hosts: readonly HostIdentity[]
  /** The images that every host has. */
  readonly images: readonly string[]
  /** What the process of a task does; null if all wait until they are stopped. */
  readonly programOf: ((spec: ContainerSpec) => Program) | null
}

/**
 * A Runtime in memory with several hosts behind one manager: a container is a service of one task, bound to its host. Beside
 * the controls of `MemoryApi`, which are about the manager, a test can lose hosts, drain them, and do to services and tasks
 * what others can do. It is deterministic.
 */
export class MemorySwarm extends MemoryApi implements Runtime {
  readonly commands = null
  readonly meters = null
  readonly neighbours = null
  readonly registry = null
  readonly hosts: Hosts = {
    list: (signal) => this.call('hosts', null, signal, () => this.#hosts.map((host) => host.observe())),
    watch: (handlers, signal) => this.#watchHosts(handlers, signal),
  }
  /** How long things take; at once if a test says nothing. */
  readonly pace: SwarmPace = { taskMs: () => 0, replaceMs: () => 100, drainMs: () => 0, verdictMs: () => 0 }
  hostFacts: HostFacts = { os: 'linux', architecture: 'amd64', version: '20.10.24' }
  readonly #hosts: readonly MemoryHost[]
  readonly #services: MemoryServices
  readonly #logReaders = new LogReaders()

  constructor(private readonly options: MemorySwarmOptions) {
    super(options)
    const { clock, images } = options
    const programOf = options.programOf ?? (() => WAITING)
    this.#hosts = options.hosts.map((facts) => {
      const emit = (news: Parameters<MemoryServices['happened']>[1]) => this.#services.happened(host, news)
      const host = new MemoryHost(facts, { clock, programOf, images, emit })
      return host
    })
    this.#services = new MemoryServices({
      clock,
      pace: this.pace,
      hosts: () => this.#hosts,
      isManaged: () => this.isAtWork,
      tell: (news) => this.tell(news),
    })
  }

  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<string> {
    return await this.call('create', spec.name, signal, () => this.#services.create(spec))
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.#whileWaited('start', id, signal, (isWaitedFor) => this.#services.start(id, isWaitedFor))
  }

  async stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const stop = (isWaitedFor: () => boolean) => this.#services.stop(id, graceSeconds, isWaitedFor)
    await this.#whileWaited('stop', id, signal, stop, graceSeconds * 1000)
  }

  async destroy(id: string, signal?: AbortSignal): Promise<void> {
    await this.#whileWaited('destroy', id, signal, (isWaitedFor) => this.#services.remove(id, isWaitedFor))
  }

  async discard(id: string, signal?: AbortSignal): Promise<void> {
    await this.#whileWaited('discard', id, signal, (isWaitedFor) => this.#services.discard(id, isWaitedFor))
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation> {
    return await this.call('inspect', id, signal, () => this.#services.look(id))
  }

  async logs(id: string, bounds: LogBounds, signal?: AbortSignal): Promise<string> {
    return await this.call('logs', id, signal, () => this.#services.followed(id).log.last(bounds))
  }

  async followLog(id: string, part: LogPart, handlers: LogHandlers, signal: AbortSignal): Promise<void> {
    const life = this.lives
    const find = () => this.call('followLog', id, signal, () => this.#services.followed(id))
    await this.#logReaders.follow(find, part, handlers, signal)
    if (life !== this.lives && !signal.aborted) throw broken('give a log')
  }

  async image(reference: string, signal?: AbortSignal): Promise<ImageFacts> {
    return await this.call('image', reference, signal, () => this.#ours().engine.images.look(reference))
  }

  async host(signal?: AbortSignal): Promise<HostFacts> {
    return await this.call('host', null, signal, () => this.hostFacts)
  }

  async list(signal?: AbortSignal): Promise<ContainerObservation[]> {
    return await this.call('list', null, signal, () =>
      this.#services
        .lookAtAll()
        .filter((service) => this.isOurs(service))
        .map(asListed),
    )
  }

  async forbidden(signal?: AbortSignal): Promise<readonly DockerRight[]> {
    return await this.call('forbidden', null, signal, () => [])
  }

  /** Lists every service, ours or not, as `inspect` shows it. Makes no call, so it never fails. */
  containers(): ContainerObservation[] {
    return this.#services.lookAtAll()
  }

  specOf(id: string): ContainerSpec | undefined {
    return this.#services.specOf(id)
  }

  /** Every host as the manager lists it. Makes no call. */
  hostsNow(): HostObservation[] {
    return this.#hosts.map((host) => host.observe())
  }

  /** What a host has of a service's task, whether the manager reaches the host or not; null if it has nothing. */
  taskOf(id: string): ContainerObservation | null {
    const engines = this.#hosts.map(({ engine }) => engine)
    return engines.find((engine) => engine.specOf(id) !== undefined)?.look(id) ?? null
  }

  /** Acts as if somebody ran `docker service create --replicas 0`. */
  createOutside(spec: ContainerSpec): string {
    return this.#services.create(spec)
  }

  /** Acts as if somebody scaled a service to one. */
  startOutside(id: string): void {
    this.#services.scaleUp(id)
  }

  /** Acts as if somebody scaled a service to zero. */
  async stopOutside(id: string, graceSeconds = 0): Promise<void> {
    await this.#services.stop(id, graceSeconds, () => false)
  }

  removeOutside(id: string): void {
    this.#services.vanish(id)
  }

  /** Lets the process of a task end by itself. Swarm replaces the task. */
  crash(id: string, exitCode = 1): void {
    this.#services.hostOf(id).engine.crash(id, exitCode)
  }

  /** Acts as if somebody ran `docker service update --force`. */
  async restartOutside(id: string): Promise<void> {
    await this.#services.hostOf(id).engine.stop(id, 0)
  }

  /** Acts as if somebody ended a task's container on its host. Swarm replaces the task all the same. */
  kill(id: string): void {
    this.#services.hostOf(id).engine.kill(id)
  }

  /** Acts as if somebody paused a task's container on its host, which the manager does not see. */
  pause(id: string): void {
    this.#services.hostOf(id).engine.pause(id)
  }

  unpause(id: string): void {
    this.#services.hostOf(id).engine.unpause(id)
  }

  /** Lets a task write to its log. */
  write(id: string, text: string): void {
    this.#services.hostOf(id).engine.write(id, text)
  }

  /** Lets a process outside take a port of a host. */
  takePort(hostId: string, port: number): void {
    this.#host(hostId).engine.takePort(port)
  }

  releasePort(hostId: string, port: number): void {
    this.#host(hostId).engine.releasePort(port)
  }

  /**
   * Cuts a host off from the manager, which takes it for up until `noticeLoss`. Its containers run on, or end
   * with the host.
   */
  loseHost(hostId: string, its: { readonly containers: 'run on' | 'end' }): void {
    const host = this.#host(hostId)
    this.#services.lost(host)
    host.isReachable = false
    if (its.containers === 'end') host.engine.shutDown()
  }

  /** Lets the manager notice that a host does not answer. False if the manager does not work itself. */
  noticeLoss(hostId: string): boolean {
    const host = this.#host(hostId)
    if (!this.isAtWork) return false
    if (!host.isReachable) {
      host.isUp = false
      this.#tellOfHost(host)
    }
    return true
  }

  /** Ends the loss of a host. */
  returnHost(hostId: string): void {
    const host = this.#host(hostId)
    if (host.isReachable) return
    const wasDown = !host.isUp
    host.isReachable = true
    host.isUp = true
    this.#services.returned(host, wasDown)
    this.#tellOfHost(host)
  }

  /** Acts as if the operator ran `docker node update --availability`. A drained host loses its tasks. */
  setAvailability(hostId: string, availability: HostObservation['availability']): void {
    const host = this.#host(hostId)
    host.availability = availability
    this.#tellOfHost(host)
    if (availability === 'drain') this.#services.drained(host)
  }

  override goDown(): void {
    super.goDown()
    this.#logReaders.breakAll()
  }

  /** Stops the manager with its host and all tasks there, until `comeUp`. */
  stopDaemon(): void {
    this.loseHost(this.#ours().facts.id, { containers: 'end' })
    this.goDown()
  }

  override comeUp(): void {
    super.comeUp()
    this.returnHost(this.#ours().facts.id)
  }

  protected override mayLast(verb: Verb): boolean {
    return verb === 'start' || verb === 'stop' || verb === 'destroy' || verb === 'discard'
  }

  #ours(): MemoryHost {
    const ours = this.#hosts.find(({ facts }) => facts.isOurs)
    if (!ours) throw new Error('None of the hosts is ours.')
    return ours
  }

  #host(id: string): MemoryHost {
    const host = this.#hosts.find(({ facts }) => facts.id === id)
    if (!host) throw new Error(`There is no host ${id}.`)
    return host
  }

  #tellOfHost({ facts: { id, name } }: MemoryHost): void {
    this.tell({ action: 'host', id, name, labels: {}, atMs: this.options.clock.now() })
  }

  async #watchHosts({ onOpen, onChange }: WatchHandlers, signal: AbortSignal): Promise<void> {
    const hears = ({ action }: { readonly action: string }) => action === 'host'
    await this.subscribe('watchHosts', null, { hears, tell: () => onChange(), onOpen }, signal)
  }

  /** Makes a call that is told whether its caller still waits. */
  async #whileWaited(
    verb: 'start' | 'stop' | 'destroy' | 'discard',
    id: string,
    signal: AbortSignal | undefined,
    effect: (isWaitedFor: () => boolean) => Promise<void>,
    effectMs = 0,
  ): Promise<void> {
    let isWaitedFor = true
    const life = this.lives
    const goesOn = () => isWaitedFor && life === this.lives
    try {
      await this.call(verb, id, signal, () => effect(goesOn), effectMs)
    } finally {
      isWaitedFor = false
    }
  }
}
