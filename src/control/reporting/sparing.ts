import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'

const AGAIN_MS = 60_000

/** How many kinds are told apart at a time. All further ones are taken for one. */
const KINDS_MAX = 100
const OTHERS = 'others'

/** Writes a line. `times` is how often its kind occurred since the last line of that kind. */
type Write = (times: number) => void

/** Lets one line of each kind through per minute. The next one says how many there were. */
export class Sparing {
  readonly #held = new Map<string, { times: number; write: Write }>()

  constructor(private readonly deps: { readonly clock: Clock; readonly onError: OnError }) {}

  /** Writes the first line of a kind at once. Of those within the next minute, the last is written at its end. */
  tell(kind: string, write: Write): void {
    const slot = this.#held.has(kind) || this.#held.size < KINDS_MAX ? kind : OTHERS
    const held = this.#held.get(slot)
    if (held === undefined) {
      this.#hold(slot, write)
      write(1)
      return
    }
    held.times++
    held.write = write
  }

  #hold(slot: string, write: Write): void {
    const { clock, onError } = this.deps
    const held = { times: 0, write }
    this.#held.set(slot, held)
    clock.after(
      AGAIN_MS,
      guarded(() => {
        this.#held.delete(slot)
        if (held.times === 0) return
        this.#hold(slot, held.write)
        held.write(held.times)
      }, onError),
    )
  }
}
