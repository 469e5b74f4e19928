import { type DockerRight, rightsWarning, vitalLoss } from '../../core/reporting/docker-rights.ts'
import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import { type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import type { Facts } from '../facts/facts.ts'
import type { Warnings } from '../reporting/warnings.ts'

export interface RightsWatchDeps {
  readonly clock: Clock
  readonly runtime: Pick<Runtime, 'forbidden'>
  readonly facts: Pick<Facts, 'pinged' | 'onNews' | 'setForbidden'>
  readonly warnings: Pick<Warnings, 'tell'>
  /** What answers, as messages name it. */
  readonly address: string
  readonly onError: OnError
}

/** How soon it is asked again what is allowed, while something is not, or was not told. */
const AGAIN_MS = 10_000

/**
 * Asks what something in front of Docker forbids: at the start, whenever Docker answers again, and from time to time while
 * something is missing. Without what an engine needs, Docker counts as not reachable.
 */
export class RightsWatch {
  readonly #stop = new AbortController()
  #cancel: () => void = () => undefined
  #running: Promise<void> = Promise.resolve()
  /** Since when Docker had answered when it was last asked for. */
  #askedFor: number | null = null

  constructor(private readonly deps: RightsWatchDeps) {}

  start(): void {
    const { facts } = this.deps
    facts.onNews(() => {
      const { state, sinceMs } = facts.pinged()
      if (state !== 'reachable' || sinceMs === this.#askedFor) return
      this.#askedFor = sinceMs
      this.#after(0)
    })
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#running
  }

  #after(ms: number): void {
    if (this.#stop.signal.aborted) return
    this.#cancel()
    const round = guarded(() => {
      this.#running = this.#running.then(() => this.#ask()).catch(this.deps.onError)
    }, this.deps.onError)
    this.#cancel = this.deps.clock.after(ms, round)
  }

  async #ask(): Promise<void> {
    try {
      const forbidden = await this.deps.runtime.forbidden(this.#stop.signal)
      this.#note(forbidden)
      if (forbidden.length > 0) this.#after(AGAIN_MS)
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      this.#after(AGAIN_MS)
    }
  }

  #note(forbidden: readonly DockerRight[]): void {
    const { facts, warnings, address } = this.deps
    facts.setForbidden(vitalLoss(address, forbidden))
    warnings.tell('docker_forbids', rightsWarning(address, forbidden))
  }
}
