import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { loop } from '../../lib/loop.ts'
import { backoffMs, WorkQueue, type WorkQueueOptions } from '../../lib/workqueue.ts'
import { type ContainerEvent, type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import type { Facts } from '../facts/facts.ts'
import type { PassResult, Settler } from './settler.ts'

export interface ObserverDeps {
  readonly clock: Clock
  readonly runtime: Runtime
  readonly facts: Facts
  readonly settler: Settler
  readonly log: Log
  /** Longest time between full passes. */
  readonly passIntervalMs: number
  /** Uniform in [0, 1), for the jitter of back-offs. */
  readonly random: () => number
  /** Housekeeping that rides on every full pass. */
  readonly onPass: () => void
  readonly onError: OnError
}

const PASS = 'pass'
const CONCURRENT_LOOKS = 8
const PING_INTERVAL_MS = 1_000
const RETRY = { minMs: 500, maxMs: 5_000 }

/**
 * Watches the container engine: its events, whether it answers, and from time to time everything. Whatever it hears
 * only says where to look again; what is done about it is the settler's.
 *
 * INVARIANT: every gap of the event stream is followed by a thorough full pass.
 */
export class Observer {
  readonly #stop = new AbortController()
  readonly #looks: WorkQueue
  /** Apart from looks, so that neither waits for containers that the other asks about. */
  readonly #passes: WorkQueue
  #loops: Promise<unknown> = Promise.resolve()
  #hasPassed = false
  #needsThoroughPass = true
  /** Who waits for the end of the next pass. */
  readonly #asked: PromiseWithResolvers<PassResult>[] = []

  constructor(private readonly deps: ObserverDeps) {
    const options: Pick<WorkQueueOptions, 'clock' | 'onError' | 'backoffMs'> = {
      clock: deps.clock,
      onError: (key, error, attempt) => this.#failed(key, error, attempt),
      backoffMs: (attempt) => backoffMs(attempt, RETRY, deps.random),
    }
    this.#looks = new WorkQueue({ ...options, concurrency: CONCURRENT_LOOKS, work: (id) => this.#look(id) })
    this.#passes = new WorkQueue({ ...options, concurrency: 1, work: () => this.#pass() })
  }

  /** True once a full pass has succeeded since the start: nothing is lost and nothing imagined from then on. */
  hasPassed(): boolean {
    return this.#hasPassed
  }

  /** The first pass comes when the event stream is open, so that nothing is missed between the two. */
  start(): void {
    const { clock, onError } = this.deps
    const { signal } = this.#stop
    const work = (): Promise<void> => this.#ask()
    this.#loops = Promise.all([
      this.#watchEvents(),
      loop({ clock, intervalMs: PING_INTERVAL_MS, first: 'now', signal, work, onError }),
    ])
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all([this.#loops, this.#looks.stop(), this.#passes.stop()])
  }

  /** Asks for a look at one container, soon. */
  lookAt(containerId: string): void {
    this.#looks.add(containerId)
  }

  /** Asks for a look at one container after so many milliseconds, or at an earlier one that is asked for already. */
  lookWithin(containerId: string, ms: number): void {
    this.#looks.addWithin(containerId, ms)
  }

  /** Asks for a full pass, soon. */
  passSoon(): void {
    this.#passes.add(PASS)
  }

  /** Asks for a thorough full pass, soon: what happened meanwhile was seen and could not be written. */
  passThoroughly(): void {
    this.#needsThoroughPass = true
    this.#passes.add(PASS)
  }

  /** Does a thorough full pass now and gives what it did. Throws RuntimeFailure when Docker can't be asked. */
  passNow(): Promise<PassResult> {
    const docker = this.deps.facts.docker()
    if (docker.state === 'unreachable') throw new RuntimeFailure('unreachable', docker.error)
    const asked = Promise.withResolvers<PassResult>()
    this.#asked.push(asked)
    this.#needsThoroughPass = true
    this.#passes.add(PASS)
    return asked.promise
  }

  async #watchEvents(): Promise<void> {
    const { runtime, clock, random, onError } = this.deps
    const { signal } = this.#stop
    const onEvent = guarded((event: ContainerEvent) => this.#heard(event), onError)
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

  /** Without events Docker may still answer; then full passes alone have to find what happens. */
  #deaf(error: unknown, attempt: number): void {
    if (!(error instanceof RuntimeFailure)) this.deps.onError(error)
    else if (error.code !== 'unreachable' && attempt === 1)
      this.deps.log.warn({}, `no events of Docker: ${error.message}`)
    this.#stale(Number.POSITIVE_INFINITY)
    if (this.deps.facts.docker().state !== 'unreachable') this.#passes.add(PASS)
  }

  /** What is known of the containers may be out of date; events are told from `sinceMs` on. */
  #stale(sinceMs: number): void {
    this.#needsThoroughPass = true
    this.deps.facts.setGap(sinceMs)
  }

  /** What happened while nobody listened is found by a thorough look at everything. */
  #gap(): void {
    this.#stale(this.deps.clock.now())
    this.#answered()
    this.#passes.add(PASS)
  }

  #heard(event: ContainerEvent): void {
    if (this.deps.settler.onEvent(event)) this.#looks.add(event.id)
  }

  async #ask(): Promise<void> {
    const { signal } = this.#stop
    try {
      await this.deps.runtime.ping(signal)
      this.#answered()
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(error)
    }
  }

  #answered(): void {
    const { facts, clock, log } = this.deps
    const before = facts.docker()
    if (!facts.setDocker('reachable', clock.now())) return
    if (before.state !== 'unreachable') return
    log.info({ seconds: Math.round((clock.now() - before.sinceMs) / 1000) }, 'Docker answers again')
    this.#stale(facts.watch().sinceMs)
    this.#passes.add(PASS)
  }

  /** One line an outage, not one an attempt. */
  #noteFailure(error: unknown): void {
    if (!(error instanceof RuntimeFailure)) throw error
    if (error.code !== 'unreachable') return
    const { facts, clock, log } = this.deps
    if (facts.setDocker('unreachable', clock.now(), error.message))
      log.warn({}, `Docker not reachable: ${error.message}`)
  }

  async #look(containerId: string): Promise<void> {
    await this.deps.settler.look(containerId)
  }

  async #pass(): Promise<void> {
    const { settler, onPass, onError, log, clock, passIntervalMs, facts } = this.deps
    this.#passes.addAfter(PASS, passIntervalMs)
    const isThorough = this.#needsThoroughPass
    const asked = this.#asked.splice(0)
    this.#needsThoroughPass = false
    const startedMs = clock.now()
    try {
      const result = await settler.fullPass(isThorough)
      const isFirst = !this.#hasPassed
      this.#hasPassed = true
      // A gap that came meanwhile has another thorough pass before it.
      if (!this.#needsThoroughPass) facts.setCurrent()
      facts.age(clock.now())
      guarded(onPass, onError)()
      const level = isFirst || isThorough || isEventful(result) ? 'info' : 'debug'
      log[level]({ ...result, ms: clock.now() - startedMs }, 'reindex: full pass')
      for (const { resolve } of asked) resolve(result)
    } catch (error) {
      this.#needsThoroughPass ||= isThorough
      for (const { reject } of asked) reject(error)
      throw error
    }
  }

  #failed(key: string, error: unknown, attempt: number): void {
    const { log, onError } = this.deps
    if (error instanceof RuntimeFailure && error.code === 'unreachable') {
      // One call without an answer may be about one container; a ping tells whether Docker is away.
      void this.#ask().catch(this.deps.onError)
      log.debug({ key, attempt }, `not looked at: ${error.message}`)
    } else {
      onError(error)
    }
  }
}

const isEventful = ({ adopted, reaped, finished, undone, gone }: PassResult): boolean =>
  adopted + reaped + finished + undone + gone > 0
