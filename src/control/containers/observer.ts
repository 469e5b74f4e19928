import type { Clock } from '../../lib/clock.ts'
import { Emitter } from '../../lib/emitter.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { Loop } from '../../lib/loop.ts'
import { backoffMs } from '../../lib/workqueue.ts'
import { type ContainerEvent, type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import type { Facts } from '../facts/facts.ts'
import type { LookQueue } from '../facts/look-queue.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { ContainerSync, PassResult } from './container-sync.ts'

export interface ObserverDeps {
  readonly clock: Clock
  readonly runtime: Runtime
  readonly facts: Facts
  readonly containerSync: ContainerSync
  readonly looks: LookQueue
  readonly warnings: Pick<Warnings, 'tell'>
  readonly log: Log
  /** The longest time between full passes. */
  readonly passIntervalMs: number
  /** Returns numbers in [0, 1), for the jitter of the backoff. */
  readonly random: () => number
  readonly onError: OnError
}

const PING_INTERVAL_MS = 1_000
const RETRY = { minMs: 500, maxMs: 5_000 }

/**
 * Watches Docker: its events, whether it answers, and from time to time all containers. What the observer learns only says
 * where to look again; the container sync does what follows.
 *
 * INVARIANT: every gap of the event stream is followed by a thorough full pass.
 */
export class Observer {
  readonly #pings: Loop
  readonly #passed: Emitter
  #events: Promise<void> = Promise.resolve()
  #hasPassed = false
  /** The requests that wait for the end of the next full pass. */
  readonly #asked: PromiseWithResolvers<PassResult>[] = []

  constructor(private readonly deps: ObserverDeps) {
    const { clock, looks, onError } = deps
    this.#passed = new Emitter(onError)
    this.#pings = new Loop({
      ...{ clock, intervalMs: PING_INTERVAL_MS, first: 'now', onError },
      work: () => this.#ask(),
    })
    looks.serve({
      look: (containerId) => this.#look(containerId),
      pass: () => this.#pass(),
      onError: (key, error, attempt) => this.#failed(key, error, attempt),
    })
  }

  /** Whether a full pass has succeeded since the start. From then on the rows agree with Docker. */
  hasPassed(): boolean {
    return this.#hasPassed
  }

  /** Calls `listener` after each full pass. */
  onPass(listener: () => void): void {
    this.#passed.on(listener)
  }

  /**
   * Starts the watch. The first full pass comes when the event stream is open, so that nothing is missed between the two.
   */
  start(): void {
    this.#events = this.#watchEvents()
    this.#pings.start()
  }

  async stop(): Promise<void> {
    await Promise.all([this.#pings.stop(), this.#events, this.deps.looks.stop()])
  }

  /** Does a thorough full pass now and returns what it did. Throws RuntimeFailure if Docker can't be asked. */
  passNow(): Promise<PassResult> {
    const { facts, looks } = this.deps
    const docker = facts.docker()
    if (docker.state === 'unreachable') throw new RuntimeFailure('unreachable', docker.error)
    const asked = Promise.withResolvers<PassResult>()
    this.#asked.push(asked)
    looks.passThoroughly()
    return asked.promise
  }

  async #watchEvents(): Promise<void> {
    const { runtime, containerSync, clock, random, onError } = this.deps
    const { signal } = this.#pings
    const onEvent = guarded((event: ContainerEvent) => containerSync.onEvent(event), onError)
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await runtime.events(
          {
            onOpen: () => {
              attempt = 0
              this.#gap()
            },
            onEvent,
          },
          signal,
        )
      } catch (error) {
        this.#deaf(error, attempt)
        await this.#ask().catch(onError)
        await clock.sleep(backoffMs(attempt, RETRY, random), signal)
      }
    }
  }

  /** Handles the loss of the event stream. Docker may still answer; then full passes alone have to find what happens. */
  #deaf(error: unknown, attempt: number): void {
    if (!(error instanceof RuntimeFailure)) this.deps.onError(error)
    else if (error.code !== 'unreachable' && attempt === 1)
      this.deps.log.warn({}, `no events of Docker: ${error.message}`)
    this.#stale(Number.POSITIVE_INFINITY)
    if (this.deps.facts.docker().state !== 'unreachable') this.deps.looks.passSoon()
  }

  /** Notes that the known state of the containers may be out of date. Events arrive again from `sinceMs` on. */
  #stale(sinceMs: number): void {
    this.deps.looks.needThoroughPass()
    this.deps.facts.setGap(sinceMs)
  }

  /** Handles the opening of the event stream. A thorough full pass finds what happened before. */
  #gap(): void {
    this.#stale(this.deps.clock.now())
    this.#answered()
    this.deps.looks.passSoon()
  }

  async #ask(): Promise<void> {
    const { signal } = this.#pings
    try {
      await this.deps.runtime.ping(signal)
      this.#answered()
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(error)
    }
  }

  #answered(): void {
    const { facts, looks, clock, warnings } = this.deps
    const before = facts.pinged()
    if (!facts.setDocker('reachable', clock.now())) return
    if (before.state !== 'unreachable') return
    warnings.tell('docker_silent', null)
    this.#stale(facts.watch().sinceMs)
    looks.passSoon()
  }

  /** Notes that Docker does not answer. An outage is one warning, with the reason of its first attempt. */
  #noteFailure(error: unknown): void {
    if (!(error instanceof RuntimeFailure)) throw error
    if (error.code !== 'unreachable') return
    const { facts, clock, warnings } = this.deps
    if (!facts.setDocker('unreachable', clock.now(), error.message)) return
    warnings.tell('docker_silent', {
      message: `Docker not reachable: ${error.message.replace(/\.$/, '')}`,
      remedy: "look at Docker's own log, and at its socket; running streams go on meanwhile",
    })
  }

  async #look(containerId: string): Promise<void> {
    await this.deps.containerSync.look(containerId)
  }

  async #pass(): Promise<void> {
    const { containerSync, looks, log, clock, passIntervalMs, facts } = this.deps
    looks.passAfter(passIntervalMs)
    const isThorough = looks.beginPass()
    const asked = this.#asked.splice(0)
    const startedMs = clock.now()
    try {
      const result = await containerSync.fullPass(isThorough)
      const isFirst = !this.#hasPassed
      this.#hasPassed = true
      // If a gap came during this pass, another thorough pass has to follow first.
      if (!looks.needsThoroughPass()) facts.setCurrent()
      facts.age(clock.now())
      this.#passed.emit()
      // While no events arrive, every pass is thorough.
      const isDeaf = facts.watch().sinceMs === Number.POSITIVE_INFINITY
      const level = isFirst || (isThorough && !isDeaf) || isEventful(result) ? 'info' : 'debug'
      log[level]({ ...result, ms: clock.now() - startedMs }, 'reindex: full pass')
      for (const { resolve } of asked) resolve(result)
    } catch (error) {
      if (isThorough) looks.needThoroughPass()
      for (const { reject } of asked) reject(error)
      throw error
    }
  }

  #failed(key: string, error: unknown, attempt: number): void {
    const { log, onError } = this.deps
    if (error instanceof RuntimeFailure && error.code === 'unreachable') {
      // One call without an answer may be about one container. A ping tells whether Docker is away.
      void this.#ask().catch(this.deps.onError)
      log.debug({ key, attempt }, `not looked at: ${error.message}`)
    } else {
      onError(error)
    }
  }
}

const isEventful = ({ adopted, reaped, finished, undone, gone }: PassResult): boolean =>
  adopted + reaped + finished + undone + gone > 0
