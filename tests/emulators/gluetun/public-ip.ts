import type { Cancel, Clock } from '../engine/clock.ts'
import type { Tunnel } from './tunnel.ts'

/** Delay between the VPN being up and its public IP (recorded). */
const LOOK_UP_MS = 300

/** Knows whether the public IP was looked up since the VPN is up. */
export class PublicIp {
  #isKnown = false
  #cancel: Cancel = () => {}

  constructor(
    readonly clock: Clock,
    readonly tunnel: Tunnel,
    readonly isEnabled: boolean,
  ) {}

  get isKnown(): boolean {
    return this.#isKnown
  }

  /** Call this when the VPN is up, and healthy if the version waits for that. */
  begin(): void {
    if (!this.isEnabled) return
    this.#cancel = this.clock.after(LOOK_UP_MS, () => {
      this.#cancel = this.tunnel.whenPasses(() => {
        this.#isKnown = true
      })
    })
  }

  /** Call this when the VPN goes down. */
  end(): void {
    this.#cancel()
    this.#isKnown = false
  }
}
