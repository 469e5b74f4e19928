import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'

/** How engines behind a VPN node behave when the tunnel comes back. */
export interface LinkHabits {
  /** Whether this image reports whether it is connected. */
  readonly tells: boolean
  /** Chance that a process reconnects by itself. */
  readonly comesBack: number
  /** Chance that a stuck process only believes that it is stuck: its streams move. */
  readonly errs: number
  /** The longest time that a process stays stuck. Null: until it is restarted. */
  readonly stuckMaxMs: number | null
}

const STUCK_MIN_MS = 20_000

/**
 * The connection of one engine process through the network of a VPN node. After a tunnel loss, the process reconnects by
 * itself some time after the tunnel is back, or is stuck. A lost network never comes back.
 */
export class EngineLink {
  /** Whether the joined network is that of the node's container as it runs now. */
  isAlive = true
  /** Whether the engine's traffic gets through. */
  isOnline = false
  #says = false
  #isTunnelUp = false
  #wasOnline = false
  /** Counts the changes, so that a pending timer notices that it is out of date. */
  #turn = 0
  #lastOfflineMs: number

  constructor(
    private readonly deps: {
      readonly clock: SimClock
      readonly random: Random
      readonly habits: LinkHabits
      /** Called before `isOnline` changes, with the function that changes it. */
      readonly onChange: (change: () => void) => void
    },
  ) {
    this.#lastOfflineMs = deps.clock.now()
  }

  /** What the engine answers when asked whether it is connected. Null if the image does not report it. */
  get says(): boolean | null {
    return this.deps.habits.tells ? this.#says : null
  }

  /** When the engine last was not connected or did not report that it is. */
  get lastOfflineMs(): number {
    return this.isOnline && this.#says ? this.#lastOfflineMs : this.deps.clock.now()
  }

  /** Receives the present state of the network and of the tunnel. */
  update(isAlive: boolean, isTunnelUp: boolean): void {
    this.isAlive &&= isAlive
    const isUp = this.isAlive && isTunnelUp
    if (isUp === this.#isTunnelUp) return
    this.#isTunnelUp = isUp
    this.#turn++
    if (isUp) this.#tunnelBack()
    else this.#set(false, false)
  }

  /** A fresh process connects as soon as it can. */
  #tunnelBack(): void {
    const { random, habits } = this.deps
    const findingMs = random.int(300, 8_000)
    if (!this.#wasOnline || random.chance(habits.comesBack)) {
      this.#later(findingMs, true)
      return
    }
    if (random.chance(habits.errs)) this.#later(findingMs, false)
    if (habits.stuckMaxMs !== null) this.#later(random.int(STUCK_MIN_MS, habits.stuckMaxMs), true)
  }

  #later(ms: number, says: boolean): void {
    const turn = this.#turn
    this.deps.clock.after(ms, () => {
      if (this.#turn === turn) this.#set(true, says)
    })
  }

  #set(isOnline: boolean, says: boolean): void {
    if (this.isOnline === isOnline && this.#says === says) return
    this.deps.onChange(() => {
      this.isOnline = isOnline
      this.#says = says
    })
    this.#wasOnline ||= isOnline
    if (isOnline && says) this.#lastOfflineMs = this.deps.clock.now()
  }
}
