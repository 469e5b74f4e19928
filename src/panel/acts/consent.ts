import { type Signal, signal } from '@preact/signals'
import type { Stream } from '../api/types.ts'

/** How long the list has to stand before a click counts again: long enough to see that it has grown. */
const REARM_MS = 2_000

/**
 * The consent to cut streams, which holds for those streams only that its giver has seen. If another one comes, the consent
 * can't be given for a moment, so that no click that was under way cuts what nobody named.
 */
export class Consent {
  /** Whether consent can be given now. */
  readonly isArmed: Signal<boolean> = signal(true)
  /** The ids of those that came after the question was asked. */
  readonly arrived: Signal<ReadonlySet<string>> = signal(new Set())
  #seen: ReadonlySet<string>
  #cancel: () => void = () => undefined

  constructor(
    streams: readonly string[],
    private readonly after: (ms: number, callback: () => void) => () => void,
  ) {
    this.#seen = new Set(streams)
  }

  /** Takes the streams that would be cut now. Those that have ended are no reason to ask again. */
  see(streams: readonly string[]): void {
    const come = streams.filter((id) => !this.#seen.has(id))
    if (come.length === 0) return
    this.#seen = new Set([...this.#seen, ...come])
    this.arrived.value = new Set([...this.arrived.peek(), ...come])
    this.isArmed.value = false
    this.#cancel()
    this.#cancel = this.after(REARM_MS, () => {
      this.isArmed.value = true
    })
  }

  /** The question is not asked any more. */
  end(): void {
    this.#cancel()
  }
}

/** A stream that would be cut, as far as it is known. */
export interface Cut {
  readonly id: string
  readonly stream: Stream | null
}

/** The streams that play on an engine: those that the engine names, and those that name it. */
export function cutsOn(
  engine: { readonly container_id: string | null; readonly streams: readonly string[] },
  started: readonly Stream[],
): readonly Cut[] {
  const own = started.filter(
    ({ container_id }) => container_id !== null && container_id === engine.container_id,
  )
  const ids = new Set([...engine.streams, ...own.map(({ id }) => id)])
  return [...ids].map((id) => ({ id, stream: started.find((each) => each.id === id) ?? null }))
}
