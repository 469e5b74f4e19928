import type { Clock } from '../engine/clock.ts'
import type { ContinuousChecks as Schedule } from './dialect.ts'
import { DIAL_ERROR, type HealthChecks, type HealthState } from './health-checks.ts'
import type { Settings } from './settings.ts'
import type { Tunnel } from './tunnel.ts'

/** What the check reads and changes. */
export interface ContinuousSurroundings {
  readonly clock: Clock
  readonly tunnel: Tunnel
  readonly settings: Settings
  readonly schedule: Schedule
  readonly state: HealthState
  /** Restarts the VPN, and calls `then` when it is up again. */
  readonly restart: (then: () => void) => void
}

/** If the patience ends together with a dial, it counts as over, whichever timer runs first. */
const TIE_MS = 50

/**
 * The health check of versions up to v3.40. It dials for ever, whatever the VPN does, and restarts the VPN when it was
 * unhealthy for longer than the patience, which grows each time (gluetun v3.40.4, `internal/healthcheck/health.go`). This is
 * why a VPN that was stopped through the API is started again.
 */
export class ContinuousChecks implements HealthChecks {
  #timeoutIndex = 0
  #patienceMs: number
  #patienceEndsMs = 0

  constructor(readonly of: ContinuousSurroundings) {
    this.#patienceMs = of.settings.patienceInitialMs
  }

  begin(): void {
    this.#patienceEndsMs = this.of.clock.now() + this.#patienceMs
    this.#dial()
  }

  vpnUp(): void {}

  vpnDown(): void {}

  /** Dials once. A dial that began before the interface existed never succeeds. */
  #dial(): void {
    const { dialTimeoutsMs } = this.of.schedule
    const timeoutMs = dialTimeoutsMs[Math.min(this.#timeoutIndex, dialTimeoutsMs.length - 1)] ?? 0
    const cancelLimit = this.of.clock.after(timeoutMs / this.of.settings.detectionSpeed, () => {
      cancelWait()
      this.#failed()
    })
    const cancelWait = this.of.tunnel.whenPasses(() => {
      cancelLimit()
      this.#succeeded()
    })
  }

  #succeeded(): void {
    this.of.state.error = null
    this.#timeoutIndex = 0
    this.#patienceMs = this.of.settings.patienceInitialMs
    this.of.clock.after(this.of.settings.successWaitMs / this.of.settings.detectionSpeed, () => this.#dial())
  }

  #failed(): void {
    const { clock, state, settings, schedule } = this.of
    const wasHealthy = state.error === null
    state.error = DIAL_ERROR
    if (wasHealthy) this.#patienceEndsMs = clock.now() + this.#patienceMs
    else this.#timeoutIndex += 1
    if (!wasHealthy && clock.now() >= this.#patienceEndsMs - TIE_MS) this.#loseIt()
    else clock.after(schedule.pauseAfterFailureMs / settings.detectionSpeed, () => this.#dial())
  }

  #loseIt(): void {
    this.of.restart(() => {
      this.#timeoutIndex = 0
      this.#patienceMs += this.of.settings.patienceAdditionMs
      this.#patienceEndsMs = this.of.clock.now() + this.#patienceMs
      this.#dial()
    })
  }
}
