import type { Clock } from '../engine/clock.ts'

/** The words of Gluetun for its VPN (gluetun, `internal/constants/status.go`). */
export type VpnStatus = 'starting' | 'running' | 'stopping' | 'stopped'

/** What goes along with the VPN. */
export interface VpnHooks {
  /** The interface is there and the status is `running`. */
  up(): void
  /** A stop began. */
  down(): void
  /** Calls back as soon as nothing holds up the stop any more. */
  whenReleased(run: () => void): void
  /** The stop is over. */
  gone(): void
}

/** Recorded: `starting` lasts 100 ms, `stopping` 20 to 100 ms. */
const START_MS = 100
const STOP_MS = 60

/** Starts and stops the VPN, one thing at a time. */
export class VpnLoop {
  #status: VpnStatus = 'stopped'

  constructor(
    readonly clock: Clock,
    readonly hooks: VpnHooks,
  ) {}

  get status(): VpnStatus {
    return this.#status
  }

  /** Goes to `running`; `then` is called when it is there. To be called when stopped. */
  start(then: () => void): void {
    this.#status = 'starting'
    this.clock.after(START_MS, () => {
      this.#status = 'running'
      this.hooks.up()
      then()
    })
  }

  /** Stops, if there is something to stop, and starts again. */
  restart(then: () => void): void {
    if (this.#status === 'stopped') this.start(then)
    else this.#stop(() => this.start(then))
  }

  /**
   * Does what an API call wants; gives the outcome as Gluetun words it: the new status, or `already` and the present
   * one, also where that is not the one wanted (gluetun, `internal/loopstate`).
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
