import type { RuntimeFailure } from '../../src/runtime/runtime.ts'

/** The calls of a Runtime. `events`, `watch` and `watchHosts` stand for the start of a subscription. */
export type Verb =
  | 'create'
  | 'start'
  | 'stop'
  | 'destroy'
  | 'discard'
  | 'inspect'
  | 'traffic'
  | 'usage'
  | 'exec'
  | 'logs'
  | 'followLog'
  | 'image'
  | 'host'
  | 'pull'
  | 'list'
  | 'containerAt'
  | 'ping'
  | 'forbidden'
  | 'events'
  | 'watch'
  | 'hosts'
  | 'watchHosts'

/** What goes wrong with one call. */
export type Fault =
  /** The call is refused and has no effect. */
  | { readonly kind: 'fail_before'; readonly failure: RuntimeFailure }
  /** The call is carried out, but reported as failed. */
  | { readonly kind: 'fail_after'; readonly failure: RuntimeFailure }
  /** The connection breaks before the call is carried out. The caller cannot know that: `unreachable`, effect unknown. */
  | { readonly kind: 'lose_question' }
  /** The call is carried out, then the connection breaks: `unreachable`, effect unknown. */
  | { readonly kind: 'lose_answer' }
  /** The call takes this much longer before it is carried out. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The call waits before it is carried out; see `FaultPlan.hang`. */
  | { readonly kind: 'hang'; readonly hang: Hang }

/** The parts of a call that the choice of a fault may depend on. */
export interface CallSubject {
  readonly verb: Verb
  /** The id or the image as the caller gave it, or the name of the container to create; null for calls about neither. */
  readonly subject: string | null
}

/** Holds calls until `release`. A call whose caller gave up meanwhile is still carried out after the release. */
export class Hang {
  readonly #reached = Promise.withResolvers<void>()
  readonly #released = Promise.withResolvers<void>()

  /** Resolves when a call is held. */
  get reached(): Promise<void> {
    return this.#reached.promise
  }

  /** Releases the held calls, and lets all later ones pass. */
  release(): void {
    this.#released.resolve()
  }

  /** For the runtime: reports that a call has arrived, and waits for the release. */
  hold(): Promise<void> {
    this.#reached.resolve()
    return this.#released.promise
  }
}

/**
 * Decides for every call of the in-memory runtime whether it goes wrong. The order is: faults for the next call of the verb,
 * faults for every call of the verb, the `decide` function.
 */
export class FaultPlan {
  /** For a simulation that chooses faults by chance; null lets a call pass. */
  decide: (call: CallSubject) => Fault | null = () => null
  readonly #next = new Map<Verb, Fault[]>()
  readonly #always = new Map<Verb, Fault>()

  /** Sets the fault of the verb's next call. Further faults queue up for the calls after it. */
  next(verb: Verb, fault: Fault): void {
    this.#next.set(verb, [...(this.#next.get(verb) ?? []), fault])
  }

  /** Sets the fault of every call of the verb, until `clear`; null ends it. */
  always(verb: Verb, fault: Fault | null): void {
    if (fault === null) this.#always.delete(verb)
    else this.#always.set(verb, fault)
  }

  /** Holds the next call of the verb before it is carried out, until it is released or its caller gives up. */
  hang(verb: Verb): Hang {
    const hang = new Hang()
    this.next(verb, { kind: 'hang', hang })
    return hang
  }

  /** Forgets every fault that is not yet under way. */
  clear(): void {
    this.#next.clear()
    this.#always.clear()
    this.decide = () => null
  }

  /** For the runtime: takes the fault of this call. */
  take(call: CallSubject): Fault | null {
    return this.#next.get(call.verb)?.shift() ?? this.#always.get(call.verb) ?? this.decide(call)
  }
}
