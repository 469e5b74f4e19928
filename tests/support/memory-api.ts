import type { Label } from '../../src/core/engines/labels.ts'
import type { Deadlines } from '../../src/runtime/docker.ts'
import { type EventHandlers, RuntimeFailure } from '../../src/runtime/runtime.ts'
import type { EngineClock } from './memory-engine.ts'
import { type Fault, FaultPlan, type Verb } from './memory-faults.ts'
import { type EngineNews, isContainerEvent, type Subscriber, Subscriptions } from './memory-subscriptions.ts'

export interface MemoryApiOptions {
  readonly clock: EngineClock
  readonly label: Label
  readonly deadlinesMs: Deadlines
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

/**
 * The process that answers the calls to a container engine in memory: it loses questions and answers, freezes and goes down.
 * What the calls do is up to the runtime that extends it.
 *
 * The caller's waiting and the engine's work are separate, as with Docker: a caller that gives up, or whose deadline passes,
 * does not undo its call.
 */
export abstract class MemoryApi {
  readonly faults = new FaultPlan()
  /** How many milliseconds a call takes. One half passes before the effect, the other half before the answer. */
  latencyMs: (verb: Verb) => number = () => 0
  /**
   * When each subscriber receives an event, in milliseconds after the change: `[0]` at once, `[]` never, `[0, 0]` twice,
   * `[500]` late.
   */
  deliverAfterMs: (event: EngineNews) => readonly number[] = () => [0]
  readonly #subscriptions = new Subscriptions({
    deliverAfterMs: (event) => this.deliverAfterMs(event),
    pass: async (ms) => {
      await this.#pass(ms)
      await this.#thawed?.promise
    },
    broken: () => broken('tell of events'),
  })
  #up = true
  /** Counts the stops of the engine, so that a call under way notices that its connection broke. */
  #lives = 0
  #thawed: PromiseWithResolvers<void> | null = null

  constructor(private readonly api: MemoryApiOptions) {}

  async ping(signal?: AbortSignal): Promise<void> {
    await this.call('ping', null, signal, () => undefined)
  }

  async events(handlers: EventHandlers, signal: AbortSignal): Promise<void> {
    const tell = (news: EngineNews) => {
      if (isContainerEvent(news)) handlers.onEvent(news)
    }
    const subscriber = { hears: (news: EngineNews) => this.isOurs(news), tell, onOpen: handlers.onOpen }
    await this.subscribe('events', null, subscriber, signal)
  }

  /** Breaks every subscription. The engine itself goes on. */
  breakEvents(): void {
    this.#subscriptions.breakAll()
  }

  /**
   * Makes the engine unreachable: subscriptions end, calls under way fail (without effect if they had none yet), and new
   * calls are refused a connection. The containers live on.
   */
  goDown(): void {
    this.#up = false
    this.#lives += 1
    this.breakEvents()
  }

  comeUp(): void {
    this.#up = true
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

  /** Whether the engine does its work: it neither went down nor is frozen. */
  protected get isAtWork(): boolean {
    return this.#up && this.#thawed === null
  }

  /** The number of times that the engine went down. */
  protected get lives(): number {
    return this.#lives
  }

  protected isOurs({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean {
    return labels[this.api.label.key] === this.api.label.value
  }

  protected tell(news: EngineNews): void {
    if (this.#up) this.#subscriptions.tell(news)
  }

  /** Tells what happens right before the engine goes down. */
  protected tellAtOnce(news: EngineNews): void {
    if (this.isAtWork) this.#subscriptions.tellAtOnce(news)
  }

  protected async subscribe(
    verb: 'events' | 'watch' | 'watchHosts',
    subject: string | null,
    subscriber: Subscriber,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return
    try {
      await this.call(verb, subject, signal, () => undefined)
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    if (!signal.aborted) await this.#subscriptions.follow(subscriber, signal)
  }

  /** Serves a call with its deadline and its fault. */
  protected async call<T>(
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
    const mayLast = latencyMs > 0 || effectMs > 0 || this.mayLast(verb)
    return fault !== null || mayLast || this.#thawed !== null
  }

  /** Whether the effect of a call of this verb may take time, though nothing delays the call. */
  protected mayLast(verb: Verb): boolean {
    // A command may run for as long as its container, and a pull may stall.
    return verb === 'exec' || verb === 'pull'
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
    const deadlineMs = this.api.deadlinesMs[deadlineOf(verb)] + effectMs
    const ended = new AbortController()
    const passed = this.api.clock.sleep(deadlineMs, ended.signal).catch(() => undefined)
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
    if (ms > 0) await this.api.clock.sleep(ms)
  }
}

/** The deadline that applies to a call. */
function deadlineOf(verb: Verb): keyof Deadlines {
  if (verb === 'events' || verb === 'watch' || verb === 'watchHosts') return 'subscribe'
  if (verb === 'image' || verb === 'host' || verb === 'forbidden') return 'inspect'
  if (verb === 'followLog') return 'logs'
  if (verb === 'containerAt' || verb === 'hosts') return 'list'
  return verb === 'discard' ? 'destroy' : verb
}

function givenUp(what: string, effect: 'none' | 'unknown'): RuntimeFailure {
  return new RuntimeFailure('unreachable', `The request to ${what} was given up.`, { effect })
}

function deadlinePassed(what: string, ms: number): RuntimeFailure {
  return new RuntimeFailure('unreachable', `No answer within ${ms} ms when asked to ${what}.`, {
    effect: 'unknown',
  })
}

/** The failure of a call whose connection broke. */
export function broken(what: string): RuntimeFailure {
  return new RuntimeFailure('unreachable', `The connection broke when asked to ${what}.`, {
    effect: 'unknown',
  })
}
