import { type Signal, signal } from '@preact/signals'
import { type Api, Refused } from '../api/api.ts'
import type { KeyStore } from '../state/key.ts'
import type { Order } from './orders.ts'

/** How far an act is. Nothing is shown as done before the server said so. */
export type ActState =
  | { readonly step: 'idle' }
  | { readonly step: 'asked'; readonly sinceMs: number }
  /** The server wants a key, or another one; the order is kept until there is one. */
  | { readonly step: 'key'; readonly why: string }
  | { readonly step: 'done'; readonly words: string }
  /** `retryAtMs`: when it is worth to ask again, as far as the server knows. */
  | { readonly step: 'failed'; readonly words: string; readonly retryAtMs: number | null }

export interface ActDeps {
  readonly api: Api
  readonly key: Pick<KeyStore, 'value' | 'take' | 'forget'>
  /** The server's time in epoch milliseconds. */
  readonly now: () => number
  /** Calls back after a time; returns what cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void
  /** Tells an outcome to those who don't see where it stands. */
  readonly tell: (words: string) => void
}

/** How long a success stands. A failure stands until it is dismissed or repeated. */
const DONE_MS = 60_000

const WHY_KEY: Readonly<Record<string, string>> = {
  missing_token: 'changes need it',
  invalid_token: 'the one given is not that of this server',
}

/** One thing that can be done to one thing, with its outcome. One request at a time is under way. */
export class Act {
  readonly state: Signal<ActState> = signal({ step: 'idle' })
  #order: Order | null = null
  #cancelDone: () => void = () => undefined

  constructor(private readonly deps: ActDeps) {}

  /** Sends the order, unless one is under way. Never throws: the state tells how it went. */
  async run(order: Order): Promise<void> {
    const { api, now, key } = this.deps
    if (this.state.peek().step === 'asked') return
    this.#order = order
    this.#cancelDone()
    this.deps.tell('')
    this.state.value = { step: 'asked', sinceMs: now() }
    const used = key.value
    try {
      this.#succeed(order, await order.outcome(await api.open(order.method, order.path, order.init)))
    } catch (error) {
      const underWay = error instanceof Refused ? order.underWay?.[error.code] : undefined
      if (underWay === undefined) this.#fail(order, error, used)
      else this.#succeed(order, underWay)
    }
  }

  /** Sends the kept order with this key. */
  async runWithKey(text: string, isKept: boolean): Promise<void> {
    this.deps.key.take(text, isKept)
    await this.retry()
  }

  /** Sends the same order once more: what makes it safe to repeat stays with it. */
  async retry(): Promise<void> {
    if (this.#order !== null) await this.run(this.#order)
  }

  /** Forgets the outcome, or the order that waits for a key. */
  dismiss(): void {
    if (this.state.peek().step === 'asked') return
    this.#cancelDone()
    this.#order = null
    this.state.value = { step: 'idle' }
  }

  #succeed({ name }: Order, words: string): void {
    this.state.value = { step: 'done', words }
    this.#cancelDone = this.deps.after(DONE_MS, () => this.dismiss())
    this.deps.tell(`${name}: ${words}`)
  }

  #fail({ name }: Order, error: unknown, used: string | null): void {
    const { key, now, tell } = this.deps
    const why = error instanceof Refused ? WHY_KEY[error.code] : undefined
    if (why !== undefined) {
      // Another act may have got the right key meanwhile.
      if (used !== null && key.value === used) key.forget()
      this.state.value = { step: 'key', why }
      return
    }
    const eta = error instanceof Refused ? error.etaSeconds : null
    const words = error instanceof Refused ? error.message : unanswered(error)
    this.state.value = { step: 'failed', words, retryAtMs: eta === null ? null : now() + eta * 1_000 }
    tell(`${name} failed: ${words}`)
  }
}

const unanswered = (error: unknown): string =>
  `no answer came (${error instanceof Error ? error.message : String(error)}); it may have been done all the same`
