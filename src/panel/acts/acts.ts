import { type Signal, signal } from '@preact/signals'
import { Act, type ActDeps } from './act.ts'
import { clickKey } from './orders.ts'

export interface ActsDeps extends Omit<ActDeps, 'tell'> {
  /** Fills bytes with chance. */
  readonly fill: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>
}

/** All acts of the page. They outlive its pages, so that an outcome is still there when its reader comes back. */
export class Acts {
  /** The newest outcome, for the one line that is read aloud. */
  readonly told: Signal<string> = signal('')
  readonly #acts = new Map<string, Act>()

  constructor(private readonly deps: ActsDeps) {}

  /** The act of this name, such as `drain acestream-1`; always the same one. */
  of(name: string): Act {
    const known = this.#acts.get(name)
    if (known !== undefined) return known
    const act = new Act({
      ...this.deps,
      tell: (words) => {
        this.told.value = words
      },
    })
    this.#acts.set(name, act)
    return act
  }

  /** A key for one click, which makes its repetitions safe. */
  clickKey(): string {
    return clickKey(this.deps.fill)
  }

  after(ms: number, callback: () => void): () => void {
    return this.deps.after(ms, callback)
  }
}
