import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'

/** Holds a list still, so that nothing moves under its reader: what comes meanwhile is counted, and shown when it is wanted. */
export class Hold {
  /** Whether the reader asked for it. */
  readonly isPaused: ReadonlySignal<boolean>
  /** Whether the reader has scrolled away from where the list begins. */
  readonly isAway: ReadonlySignal<boolean>
  /** The number of the newest entry that is shown; null if nothing is held back. */
  readonly upTo: ReadonlySignal<number | null>
  readonly #paused = signal(false)
  readonly #away = signal(false)
  readonly #upTo: Signal<number | null> = signal(null)
  #newest = 0

  constructor() {
    this.isPaused = computed(() => this.#paused.value)
    this.isAway = computed(() => this.#away.value)
    this.upTo = computed(() => this.#upTo.value)
  }

  /**
   * Notes that there is an entry of this number. The feed and the list's own questions both bring entries: what either of them
   * has put on screen must not leave it when the list is held.
   */
  note(entry: number): void {
    this.#newest = Math.max(this.#newest, entry)
  }

  pause(isPaused: boolean): void {
    this.#paused.value = isPaused
    this.#update()
  }

  goAway(isAway: boolean): void {
    this.#away.value = isAway
    this.#update()
  }

  /** Shows what has come until now, and holds the list again. */
  show(): void {
    if (this.#upTo.peek() !== null) this.#upTo.value = this.#newest
  }

  #update(): void {
    if (!this.#paused.peek() && !this.#away.peek()) this.#upTo.value = null
    else this.#upTo.value ??= this.#newest
  }
}
