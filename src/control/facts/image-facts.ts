import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import type { PullProgress } from '../../runtime/runtime.ts'

/**
 * What is known of the template's image on this host. `unknown`: nobody could look yet. `pullError` says why the last pull
 * failed; null if none did. `etaSeconds` is an estimate of when the pull ends.
 */
export type ImageState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'present'; readonly id: string; readonly lookedAtMs: number }
  | { readonly kind: 'missing'; readonly pullError: string | null }
  | { readonly kind: 'pulling'; readonly etaSeconds: number }

/** A pull under way, since when, and when it is likely to end. */
export interface PullState extends PullProgress {
  readonly sinceMs: number
  readonly etaSeconds: number
}

/** The last known state of the template's image. Kept in memory, unknown after a restart. */
export class ImageFacts {
  #state: ImageState = { kind: 'unknown' }
  #pull: PullState | null = null
  readonly #news: Emitter

  /** `onError` receives the errors of listeners. */
  constructor(onError: OnError) {
    this.#news = new Emitter(onError)
  }

  state(): ImageState {
    return this.#state
  }

  /** How far a pull is; null if none is under way. An image that is here already may be pulled anew. */
  pull(): PullState | null {
    return this.#pull
  }

  /** Notes how far a pull is, which changes no decision, so that nobody is told. */
  notePull(pull: PullState | null): void {
    this.#pull = pull
  }

  /** Calls `listener` when the image came, went or changed. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  note(state: ImageState): void {
    const before = this.#state
    this.#state = state
    if (signOf(before) !== signOf(state)) this.#news.emit()
  }
}

const signOf = (state: ImageState): string => (state.kind === 'present' ? state.id : state.kind)
