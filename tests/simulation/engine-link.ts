import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'

/** How engines behind a VPN behave when its tunnel comes back. */
export interface LinkHabits {
  /** Whether this image can say whether it is connected. */
  readonly tells: boolean
  /** Chance that a process finds its connection again by itself. */
  readonly comesBack: number
  /** Chance that one that is stuck only believes so: its streams move. */
  readonly errs: number
  /** The longest that one that is stuck stays so; null: until it is restarted. */
  readonly stuckMaxMs: number | null
}

const STUCK_MIN_MS = 20_000

/**
 * The connection of one engine's process through the network of a VPN node. A process that has lost it comes back by itself
 * some time after the tunnel, or is stuck; the network itself is lost for good.
 */
export class EngineLink {
  /** Its network is that of the node's container as it runs now. */
  isAlive = true
  /** Its traffic gets through. */
  isOnline = false
  #says = false
  #isTunnelUp = false
  #wasOnline = false
  /** Counts the changes, so that what was to happen later sees that it is out of date. */
  #turn = 0
  #lastOfflineMs: number

  constructor(
    private readonly deps: {
      readonly clock: SimClock
      readonly random: Random
      readonly habits: LinkHabits
      /** Told before `isOnline` changes, with the change. */
      readonly onChange: (change: () => void) => void
    },
  ) {
    this.#lastOfflineMs = deps.clock.now()
  }

  /** Its answer to the question whether it is connected; null from one that can't tell. */
  get says(): boolean | null {
    return this.deps.habits.tells ? this.#says : null
  }

  /** When it last was not connected, or did not say so. */
  get lastOfflineMs(): number {
    return this.isOnline && this.#says ? this.#lastOfflineMs : this.deps.clock.now()
  }

  /** Told how its network and the tunnel are now. */
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
