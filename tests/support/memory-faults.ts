import type { RuntimeFailure } from '../../src/runtime/runtime.ts'

/** The calls of a Runtime; `events` and `watch` are the beginning of a subscription. */
export type Verb =
  | 'create'
  | 'start'
  | 'stop'
  | 'destroy'
  | 'discard'
  | 'inspect'
  | 'traffic'
  | 'exec'
  | 'list'
  | 'ping'
  | 'events'
  | 'watch'

/** What goes wrong with one call. */
export type Fault =
  /** Refused, and nothing was done. */
  | { readonly kind: 'fail_before'; readonly failure: RuntimeFailure }
  /** Done, and reported as failed all the same. */
  | { readonly kind: 'fail_after'; readonly failure: RuntimeFailure }
  /**
   * The connection breaks before anything was done; the caller cannot know: `unreachable`, effect unknown.
   */
  | { readonly kind: 'lose_question' }
  /** Done, then the connection breaks: `unreachable`, effect unknown. */
  | { readonly kind: 'lose_answer' }
  /** Takes this much longer before anything is done. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Waits before anything is done; see `FaultPlan.hang`. */
  | { readonly kind: 'hang'; readonly hang: Hang }

/** A call, as far as the choice of a fault may depend on it. */
export interface CallSubject {
  readonly verb: Verb
  /** The id as the caller gave it, or the name of the container to create; null for calls about none. */
  readonly subject: string | null
}

/**
 * Holds calls until it is released. A caller that gave up meanwhile does not undo it: released, the call is
 * done.
 */
export class Hang {
  readonly #reached = Promise.withResolvers<void>()
  readonly #released = Promise.withResolvers<void>()

  /** Resolves once a call is held. */
  get reached(): Promise<void> {
    return this.#reached.promise
  }

  /** Lets what is held go on, and all that comes later pass. */
  release(): void {
    this.#released.resolve()
  }

  /** For the runtime: says that a call is here, and waits for the release. */
  hold(): Promise<void> {
    this.#reached.resolve()
    return this.#released.promise
  }
}

/**
 * Says for every call of the in-memory runtime whether it goes wrong. Looked at in this order: faults for the
 * next call of the verb, faults for every call of it, the `decide` function.
 */
export class FaultPlan {
  /** For a simulation that draws its faults; null leaves a call alone. */
  decide: (call: CallSubject) => Fault | null = () => null
  readonly #next = new Map<Verb, Fault[]>()
  readonly #always = new Map<Verb, Fault>()

  /** The next call of the verb that has no fault yet goes wrong this way; further ones queue up. */
  next(verb: Verb, fault: Fault): void {
    this.#next.set(verb, [...(this.#next.get(verb) ?? []), fault])
  }

  /** Every call of the verb goes wrong this way, until `clear`. */
  always(verb: Verb, fault: Fault): void {
    this.#always.set(verb, fault)
  }

  /** The next call of the verb waits before anything is done, until it is released or its caller gives up. */
  hang(verb: Verb): Hang {
    const hang = new Hang()
    this.next(verb, { kind: 'hang', hang })
    return hang
  }

  /** Forgets every fault that is not under way. */
  clear(): void {
    this.#next.clear()
    this.#always.clear()
    this.decide = () => null
  }

  /** For the runtime: the fault of this call. */
  take(call: CallSubject): Fault | null {
    return this.#next.get(call.verb)?.shift() ?? this.#always.get(call.verb) ?? this.decide(call)
  }
}
