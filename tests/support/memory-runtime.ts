import type { Label } from '../../src/core/engines/labels.ts'
import type { DockerRight } from '../../src/core/reporting/docker-rights.ts'
import type { Deadlines } from '../../src/runtime/docker.ts'
import {
  type CommandResult,
  type Commands,
  type ContainerObservation,
  type ContainerSpec,
  type EventHandlers,
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
import { type Command, type Program, type Used, WAITING } from './memory-container.ts'
import { type EngineClock, MemoryEngine } from './memory-engine.ts'
import { type Fault, FaultPlan, type Verb } from './memory-faults.ts'
import type { Offer } from './memory-images.ts'
import { type EngineNews, isContainerEvent, type Subscriber, Subscriptions } from './memory-subscriptions.ts'

export interface MemoryRuntimeOptions {
  readonly clock: EngineClock
  readonly label: Label
  readonly deadlinesMs: Deadlines
  /** The images on the host at the start, for `linux` on `amd64`; `addImage` makes others. */
  readonly images: readonly string[]
  /** What the process of a container does; null if all wait until they are stopped. */
  readonly programOf: ((spec: ContainerSpec) => Program) | null
}

/** A call that has reached the container engine. */
interface Call<T> {
  readonly verb: Verb
  readonly effect: () => T | Promise<T>
  /** How long the effect itself may take. It is added to the deadline. */
  readonly effectMs: number
  readonly fault: Fault | null
  readonly latencyMs: number
  /** The life of the container engine in which the call arrived. */
  readonly life: number
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
 *
 * The caller's waiting and the engine's work are separate, as with Docker: a caller that gives up, or whose deadline passes,
 * does not undo its call.
 */
export class MemoryRuntime implements SingleHostRuntime, Commands, Meters, Neighbours, Registry {
  readonly commands = this
  readonly meters = this
  readonly neighbours = this
  readonly registry = this
  readonly hosts = null
  readonly faults = new FaultPlan()
  /** How many milliseconds a call takes. One half passes before the effect, the other half before the answer. */
  latencyMs: (verb: Verb) => number = () => 0
  /**
   * When each subscriber receives an event, in milliseconds after the change: `[0]` at once, `[]` never, `[0, 0]` twice,
   * `[500]` late.
   */
  deliverAfterMs: (event: EngineNews) => readonly number[] = () => [0]
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
  readonly #subscriptions = new Subscriptions({
    deliverAfterMs: (event) => this.deliverAfterMs(event),
    pass: async (ms) => {
      await this.#pass(ms)
      await this.#thawed?.promise
    },
    broken: () => broken('tell of events'),
  })
  /** The logs that are followed now. */
  readonly #logReaders = new Set<AbortController>()
  #up = true
  /** Whether the engine stopped with all its containers, and has to bring them back. */
  #hasShutDown = false
  /** Counts the stops of the engine, so that a call under way notices that its connection broke. */
  #lives = 0
  #thawed: PromiseWithResolvers<void> | null = null

  constructor(private readonly options: MemoryRuntimeOptions) {
    const programOf = options.programOf ?? (() => WAITING)
    this.#engine = new MemoryEngine(options.clock, programOf, (event) => this.#tell(event))
    for (const image of options.images) this.#engine.images.add(image)
  }

  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<string> {
    return await this.#call('create', spec.name, signal, () => this.#engine.create(spec))
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('start', id, signal, () => this.#engine.start(id))
  }

  async stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    await this.#call('stop', id, signal, () => this.#engine.stop(id, graceSeconds), graceSeconds * 1000)
  }

  async destroy(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('destroy', id, signal, () => this.#engine.destroy(id))
  }

  async discard(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('discard', id, signal, () => this.#engine.discard(id))
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ContainerObservation> {
    return await this.#call('inspect', id, signal, () => this.#engine.look(id))
  }

  async traffic(id: string, signal?: AbortSignal): Promise<Traffic | null> {
    return await this.#call('traffic', id, signal, () => {
      const traffic = this.#engine.traffic(id)
      return this.countsTraffic ? traffic : null
    })
  }

  async usage(id: string, signal?: AbortSignal): Promise<Usage | null> {
    return await this.#call('usage', id, signal, () => this.#engine.usage(id))
  }

  async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<CommandResult> {
    return await this.#call('exec', id, signal, () =>
      this.#engine.exec(id, (container) => this.commandOf(command, container)),
    )
  }

  async logs(id: string, bounds: LogBounds, signal?: AbortSignal): Promise<string> {
    return await this.#call('logs', id, signal, () => this.#engine.logs(id, bounds))
  }

  async followLog(
    id: string,
    part: LogPart,
    { onOpen, onLines }: LogHandlers,
    signal: AbortSignal,
  ): Promise<void> {
    const life = this.#lives
    const closed = new AbortController()
    const close = () => closed.abort()
    try {
      const { log, ended } = await this.#call('followLog', id, signal, () => this.#engine.followed(id))
      if (signal.aborted) return
      signal.addEventListener('abort', close, { once: true })
      this.#logReaders.add(closed)
      onOpen()
      await log.follow(part, onLines, ended, closed.signal)
      if (life !== this.#lives) throw broken('give a log')
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      signal.removeEventListener('abort', close)
      this.#logReaders.delete(closed)
    }
  }

  async image(reference: string, signal?: AbortSignal): Promise<ImageFacts> {
    return await this.#call('image', reference, signal, () => this.#engine.images.look(reference))
  }

  async host(signal?: AbortSignal): Promise<HostFacts> {
    return await this.#call('host', null, signal, () => this.hostFacts)
  }

  async pull(
    reference: string,
    onProgress: (progress: PullProgress) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const ms = this.pullMs(reference)
    const life = this.#lives
    let isWaitedFor = true
    const goesOn = () => isWaitedFor && life === this.#lives
    try {
      const pull = { reference, ms, onProgress, goesOn }
      await this.#call('pull', reference, signal, () => this.#engine.pull(pull), ms)
    } finally {
      isWaitedFor = false
    }
  }

  async list(signal?: AbortSignal): Promise<ContainerObservation[]> {
    return await this.#call('list', null, signal, () =>
      this.#engine
        .lookAtAll()
        .filter((container) => this.#isOurs(container))
        .map(asListed),
    )
  }

  async containerAt(address: string, signal?: AbortSignal): Promise<ContainerObservation | null> {
    return await this.#call('containerAt', null, signal, () => {
      const found = this.#engine.lookAtAll().find(({ addresses }) => addresses.includes(address))
      return found === undefined ? null : asListed(found)
    })
  }

  async forbidden(signal?: AbortSignal): Promise<readonly DockerRight[]> {
    return await this.#call('forbidden', null, signal, () => [...this.forbids])
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await this.#call('ping', null, signal, () => undefined)
  }

  async events(handlers: EventHandlers, signal: AbortSignal): Promise<void> {
    const tell = (news: EngineNews) => {
      if (isContainerEvent(news)) handlers.onEvent(news)
    }
    const subscriber = { hears: (news: EngineNews) => this.#isOurs(news), tell, onOpen: handlers.onOpen }
    await this.#subscribe('events', null, subscriber, signal)
  }

  async watch(name: string, { onOpen, onChange }: WatchHandlers, signal: AbortSignal): Promise<void> {
    if (!/^[\w.-]+$/.test(name)) throw new RuntimeFailure('not_found', `There is no container "${name}".`)
    const hears = (news: EngineNews) => news.name === name
    await this.#subscribe('watch', name, { hears, tell: () => onChange(), onOpen }, signal)
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

  /** Breaks every subscription. The engine itself goes on. */
  breakEvents(): void {
    this.#subscriptions.breakAll()
  }

  /**
   * Makes the engine unreachable: subscriptions end, calls under way fail (without effect if they had none yet), and new
   * calls are refused a connection. The containers live on (live-restore); `stopDaemon` is the other case.
   */
  goDown(): void {
    this.#up = false
    this.#lives += 1
    for (const closed of this.#logReaders) closed.abort()
    this.breakEvents()
  }

  /**
   * Stops the engine with all containers (no live-restore). Docker reports most deaths before its event streams break; a
   * host that is switched off reports none.
   */
  stopDaemon({ tellsDeaths }: { readonly tellsDeaths: boolean }): void {
    const deaths = this.#engine.shutDown()
    if (tellsDeaths) for (const death of deaths) this.#tellAtOnce(death)
    this.#hasShutDown = true
    this.goDown()
  }

  /**
   * Starts the engine again. After `stopDaemon`, it first restarts the containers that no call had stopped, with their
   * restart counts reset, as Docker does before it accepts connections. No event reports that.
   */
  comeUp({ restarts = 'all' }: ComeBack = {}): void {
    this.#up = true
    if (!this.#hasShutDown) return
    this.#hasShutDown = false
    this.#engine.restore(typeof restarts === 'function' ? restarts : () => restarts === 'all')
  }

  /**
   * Stops all work and all events without refusing calls, until `thaw`. Calls that arrive meanwhile are carried out then.
   */
  freeze(): void {
    this.#thawed ??= Promise.withResolvers<void>()
  }

  thaw(): void {
    this.#thawed?.resolve()
    this.#thawed = null
  }

  async #subscribe(
    verb: 'events' | 'watch',
    subject: string | null,
    subscriber: Subscriber,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return
    try {
      await this.#call(verb, subject, signal, () => undefined)
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    if (!signal.aborted) await this.#subscriptions.follow(subscriber, signal)
  }

  async #call<T>(
    verb: Verb,
    subject: string | null,
    signal: AbortSignal | undefined,
    effect: () => T | Promise<T>,
    effectMs = 0,
  ): Promise<T> {
    if (signal?.aborted) throw givenUp(verb, 'none')
    if (!this.#up)
      throw new RuntimeFailure('unreachable', 'The container engine does not run.', { effect: 'none' })
    const fault = this.faults.take({ verb, subject })
    const call = { verb, effect, effectMs, fault, latencyMs: this.latencyMs(verb), life: this.#lives }
    // Waits one turn, so that what a test does to the engine right after the call happens before the call's effect.
    await undefined
    return await (this.#takesTime(call) ? this.#serveInTime(call, signal) : this.#serveAtOnce(call, signal))
  }

  #takesTime({ verb, fault, latencyMs, effectMs }: Call<unknown>): boolean {
    // A command may run for as long as its container, and a pull may stall.
    const mayLast = latencyMs > 0 || effectMs > 0 || verb === 'exec' || verb === 'pull'
    return fault !== null || mayLast || this.#thawed !== null
  }

  /** Serves a call that nothing can delay, without a timer, because a simulation makes millions of calls. */
  async #serveAtOnce<T>(call: Call<T>, signal: AbortSignal | undefined): Promise<T> {
    this.#checkLife(call)
    const value = await call.effect()
    this.#checkLife(call)
    if (signal?.aborted) throw givenUp(call.verb, 'unknown')
    return value
  }

  async #serveInTime<T>(call: Call<T>, signal: AbortSignal | undefined): Promise<T> {
    const { verb, effectMs } = call
    const deadlineMs = this.options.deadlinesMs[deadlineOf(verb)] + effectMs
    const ended = new AbortController()
    const passed = this.options.clock.sleep(deadlineMs, ended.signal).catch(() => undefined)
    const expired = passed.then(() => deadlinePassed(verb, deadlineMs))
    const aborted = Promise.withResolvers<RuntimeFailure>()
    const onAbort = () => aborted.resolve(givenUp(verb, 'unknown'))
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const answer = this.#serve(call).then((value) => ({ value }))
      const first = await Promise.race([answer, expired, aborted.promise])
      if (first instanceof RuntimeFailure) throw first
      return first.value
    } finally {
      ended.abort()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** The engine's side of a call. It goes on even if nobody waits for it any more. */
  async #serve<T>(call: Call<T>): Promise<T> {
    const { fault } = call
    await this.#pass(call.latencyMs / 2)
    await this.#holdUp(fault)
    this.#checkLife(call)
    if (fault?.kind === 'lose_question') throw broken(call.verb)
    if (fault?.kind === 'fail_before') throw fault.failure
    const value = await call.effect()
    await this.#pass(call.latencyMs / 2)
    this.#checkLife(call)
    if (fault?.kind === 'lose_answer') throw broken(call.verb)
    if (fault?.kind === 'fail_after') throw fault.failure
    return value
  }

  /** Throws if the engine has stopped since the call arrived: the call gets no answer. */
  #checkLife({ verb, life }: Call<unknown>): void {
    if (life !== this.#lives) throw broken(verb)
  }

  async #holdUp(fault: Fault | null): Promise<void> {
    if (fault?.kind === 'delay') await this.#pass(fault.ms)
    if (fault?.kind === 'hang') await fault.hang.hold()
    await this.#thawed?.promise
  }

  async #pass(ms: number): Promise<void> {
    if (ms > 0) await this.options.clock.sleep(ms)
  }

  #tell(news: EngineNews): void {
    if (this.#up) this.#subscriptions.tell(news)
  }

  #tellAtOnce(news: EngineNews): void {
    if (this.#up && this.#thawed === null) this.#subscriptions.tellAtOnce(news)
  }

  #isOurs({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean {
    return labels[this.options.label.key] === this.options.label.value
  }
}

/** The deadline that applies to a call. */
function deadlineOf(verb: Verb): keyof Deadlines {
  if (verb === 'events' || verb === 'watch') return 'subscribe'
  if (verb === 'image' || verb === 'host' || verb === 'forbidden') return 'inspect'
  if (verb === 'followLog') return 'logs'
  if (verb === 'containerAt') return 'list'
  return verb === 'discard' ? 'destroy' : verb
}

/** Removes what a list does not show, as with Docker. */
function asListed(container: ContainerObservation): ContainerObservation {
  const hasPorts = container.state === 'running' || container.state === 'paused'
  return {
    ...container,
    ...(hasPorts ? {} : { ports: [], openPorts: [], loopbackPorts: [] }),
    variables: {},
    health: null,
    healthText: null,
    startedAtMs: null,
    exitCode: null,
    restarts: null,
  }
}

function givenUp(what: string, effect: 'none' | 'unknown'): RuntimeFailure {
  return new RuntimeFailure('unreachable', `The request to ${what} was given up.`, { effect })
}

function deadlinePassed(what: string, ms: number): RuntimeFailure {
  return new RuntimeFailure('unreachable', `No answer within ${ms} ms when asked to ${what}.`, {
    effect: 'unknown',
  })
}

function broken(what: string): RuntimeFailure {
  return new RuntimeFailure('unreachable', `The connection broke when asked to ${what}.`, {
    effect: 'unknown',
  })
}
