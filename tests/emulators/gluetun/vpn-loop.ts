import type { Clock } from '../engine/clock.ts'

/** Gluetun's words for the state of its VPN (gluetun, `internal/constants/status.go`). */
export type VpnStatus = 'starting' | 'running' | 'stopping' | 'stopped'

/** What happens along with the VPN. */
export interface VpnHooks {
  /** The interface exists and the status is `running`. */
  up(): void
  /** A stop began. */
  down(): void
  /** Calls `run` as soon as nothing delays the stop any more. */
  whenReleased(run: () => void): void
  /** The stop is complete. */
  gone(): void
}

/** Recorded: `starting` lasts 100 ms, `stopping` 20 to 100 ms. */
const START_MS = 100
const STOP_MS = 60

/** Starts and stops the VPN, one change at a time. */
export class VpnLoop {
  #status: VpnStatus = 'stopped'

  constructor(
    readonly clock: Clock,
    readonly hooks: VpnHooks,
  ) {}

  get status(): VpnStatus {
    return this.#status
  }

  /** Goes to `running` and calls `then` when that is reached. Call this only when stopped. */
  start(then: () => void): void {
    this.#status = 'starting'
    this.clock.after(START_MS, () => {
      this.#status = 'running'
      this.hooks.up()
      then()
    })
  }

  /** Stops the VPN, if it is not stopped, and starts it again. */
  restart(then: () => void): void {
    if (this.#status === 'stopped') this.start(then)
    else this.#stop(() => this.start(then))
  }

  /**
   * Carries out an API call. Returns the outcome in Gluetun's words: the new status, or `already` and the present status,
   * even if that is not the wanted one (gluetun, `internal/loopstate`).
   */
  apply(wanted: 'running' | 'stopped'): Promise<string> {
    const movesFrom = wanted === 'running' ? 'stopped' : 'running'
    if (this.#status !== movesFrom) return Promise.resolve(`already ${this.#status}`)
    return new Promise((resolve) => {
      const done = () => resolve(wanted)
      if (wanted === 'running') this.start(done)
      else this.#stop(done)
    })
  }

  #stop(then: () => void): void {
    this.#status = 'stopping'
    this.hooks.down()
    this.hooks.whenReleased(() => {
      this.clock.after(STOP_MS, () => {
        this.#status = 'stopped'
        this.hooks.gone()
        then()
      })
    })
  }
}
