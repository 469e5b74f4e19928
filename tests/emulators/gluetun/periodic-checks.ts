import type { Cancel, Clock } from '../engine/clock.ts'
import { DIAL_ERROR, ECHO_ERROR, type HealthChecks, type HealthState } from './health-checks.ts'
import { ECHO_TRIES_MS, type Settings } from './settings.ts'
import type { Tunnel } from './tunnel.ts'

const SMALL_CHECK_EVERY_MS = 60_000

/** What the checks report to the VPN. */
export interface PeriodicHooks {
  /** The startup check succeeded. */
  ready(): void
  restart(): void
}

/**
 * The health checks since v3.41: one when the VPN is up, then a small one every minute, whose tries take two minutes in
 * total. So a cut is noticed after two to three minutes (gluetun v3.41.3, `internal/healthcheck/checker.go`; recorded).
 * While the VPN is stopped there are no checks, and the last result stays. The full check every five minutes is left out,
 * because a small check always finds a cut before it.
 */
export class PeriodicChecks implements HealthChecks {
  #cancel: Cancel = () => {}

  constructor(
    readonly clock: Clock,
    readonly tunnel: Tunnel,
    readonly settings: Settings,
    readonly state: HealthState,
    readonly hooks: PeriodicHooks,
  ) {}

  begin(): void {}

  vpnUp(): void {
    const cancelLimit = this.clock.after(this.settings.startupCheckMs, () => {
      cancelWait()
      this.#fail(`startup check: all check tries failed: parallel attempt 1/1 failed: ${DIAL_ERROR}`)
    })
    const cancelWait = this.tunnel.whenPasses(() => {
      cancelLimit()
      this.state.error = null
      this.#waitForSmallCheck()
      this.hooks.ready()
    })
    this.#cancel = () => {
      cancelLimit()
      cancelWait()
    }
  }

  vpnDown(): void {
    this.#cancel()
  }

  #waitForSmallCheck(): void {
    const waitMs = SMALL_CHECK_EVERY_MS / this.settings.detectionSpeed
    this.#cancel = this.clock.after(waitMs, () => this.#try(0))
  }

  /** Sends an echo at the start of a try. A later return of the network does not answer it. */
  #try(index: number): void {
    if (this.tunnel.passes) {
      this.state.error = null
      this.#waitForSmallCheck()
      return
    }
    const waitMs = (ECHO_TRIES_MS[index] ?? 0) / this.settings.detectionSpeed
    const isLast = index === ECHO_TRIES_MS.length - 1
    this.#cancel = this.clock.after(waitMs, () => {
      if (isLast) this.#fail(ECHO_TEXT)
      else this.#try(index + 1)
    })
  }

  #fail(text: string): void {
    this.state.error = text
    if (this.settings.restartVpn) this.hooks.restart()
    else this.#waitForSmallCheck()
  }
}

const ECHO_TEXT = `small periodic check: all check tries failed:${ECHO_TRIES_MS.map(
  (ms, index) => `\n\tattempt ${index + 1} (${ms}ms): ${ECHO_ERROR}`,
).join('')}`
