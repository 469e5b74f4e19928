import type { Cancel, Clock } from './clock.ts'

const ASK_EVERY_MS = 200
/**
 * An answer that takes longer counts as no answer. The limit is generous, because a busy machine must not look like an
 * outage.
 */
const ANSWER_LIMIT_MS = 1000

/** Where to ask about the network, and what an outage does. */
export interface TunnelWatchSettings {
  readonly url: string
  /** An outage lasts for the life of this watch, whatever is reported later. */
  readonly stuckAfterOutage: boolean
}

/**
 * Asks periodically whether traffic passes the tunnel. No answer means no: the node that answers is in the same network
 * namespace, so if it is gone, the namespace is dead. Until the first answer, the network counts as up. An engine that
 * starts without a network is only waiting, so this is no outage that it could stay stuck after.
 */
export class TunnelWatch {
  #up = true
  #wasUp = false
  #stuck = false
  #asking = false
  #cancel: Cancel = () => {}

  /** `changed` is called after each change of {@link connected}. */
  constructor(
    readonly settings: TunnelWatchSettings,
    readonly clock: Clock,
    readonly changed: () => void,
  ) {}

  get connected(): boolean {
    return this.#up && !this.#stuck
  }

  start(): void {
    this.#cancel = this.clock.every(ASK_EVERY_MS, () => this.#look())
    this.#look()
  }

  stop(): void {
    this.#cancel()
  }

  async #look(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    const up = await saysUp(this.settings.url)
    this.#asking = false
    const before = this.connected
    if (!up && this.#wasUp && this.settings.stuckAfterOutage) this.#stuck = true
    this.#wasUp ||= up
    this.#up = up
    if (this.connected !== before) this.changed()
  }
}

async function saysUp(url: string): Promise<boolean> {
  try {
    const answer: unknown = await (await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })).json()
    return typeof answer === 'object' && answer !== null && 'up' in answer && answer.up === true
  } catch {
    return false
  }
}
