import { batch, type Signal, signal } from '@preact/signals'
import type { Api } from '../api/api.ts'
import type { Health, Plan } from '../api/types.ts'

const EVERY_MS = 2_000

/** Follows the plan and the breakers, which the feed does not tell, for as long as somebody looks at them. */
export class PlanWatch {
  readonly plan: Signal<Plan | null> = signal(null)
  readonly health: Signal<Health | null> = signal(null)
  /** Why the last question was not answered; null if it was. */
  readonly failure: Signal<string | null> = signal(null)
  #asking: AbortController | null = null
  #cancel: () => void = () => undefined

  constructor(
    private readonly deps: {
      readonly api: Api
      readonly after: (ms: number, callback: () => void) => () => void
      /** Whether anybody can see the page. */
      readonly isSeen: () => boolean
    },
  ) {}

  /** Asks at once, and then again and again until `stop`. */
  start(): void {
    void this.#ask()
  }

  stop(): void {
    this.#cancel()
    this.#asking?.abort()
    this.#asking = null
  }

  async #ask(): Promise<void> {
    const { api, after, isSeen } = this.deps
    this.stop()
    const asking = new AbortController()
    this.#asking = asking
    try {
      if (isSeen() || this.plan.peek() === null) await this.#take(api, asking.signal)
    } catch (error) {
      if (this.#asking === asking) this.failure.value = error instanceof Error ? error.message : String(error)
    }
    if (this.#asking === asking) this.#cancel = after(EVERY_MS, () => void this.#ask())
  }

  async #take(api: Api, signal: AbortSignal): Promise<void> {
    const [plan, health] = await Promise.all([
      api.get<Plan>('orchestrator/plan', signal),
      api.get<Health>('health/status', signal),
    ])
    if (signal.aborted) return
    batch(() => {
      this.plan.value = plan
      this.health.value = health
      this.failure.value = null
    })
  }
}
