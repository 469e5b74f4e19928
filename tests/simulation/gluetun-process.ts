import type { Health } from '../../src/runtime/runtime.ts'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'

/** How a version of Gluetun finds out that its tunnel is dead; measured on v3.40 and v3.41. */
export type Dialect = 'old' | 'new'

/** The states of its VPN loop that last long enough to be seen. */
type Loop = 'starting' | 'running' | 'stopped'

export interface GluetunProcessDeps {
  readonly clock: SimClock
  readonly random: Random
  readonly dialect: Dialect
  /** Whether what leaves the host for the VPN's server arrives there. */
  readonly isLineUp: () => boolean
  /** Docker's verdict on it changed. */
  readonly onHealth: (health: Health) => void
  /** A tunnel was made anew. */
  readonly onTunnel: () => void
}

const CHECK_MS = 5_000
const START_PERIOD_MS = 10_000
const RETRIES = 3
/** A tunnel that was made and through which nothing comes is made anew after this time. */
const STARTUP_CHECK_MS = 6_000
/** Up to v3.40 the VPN is started again also after somebody stopped it. */
const OLD_SELF_HEAL_MS = 12_700
/** From the cut to its notice. */
const NOTICE_MS = { old: [4_800, 6_900], new: [152_000, 177_000] } as const

/** One start of Gluetun in its container: its tunnel, and what its health check knows of it. */
export class GluetunProcess {
  isPaused = false
  #loop: Loop = 'starting'
  /** What its own health server says; it notices late. */
  #isWell = false
  #streak = 0
  #health: Health = 'starting'
  #isEnded = false
  readonly #beganMs: number
  /** Counts the tunnels and the ends of them, so that what was to happen later sees that it is out of date. */
  #turn = 0

  constructor(private readonly deps: GluetunProcessDeps) {
    this.#beganMs = deps.clock.now()
    this.#check()
    this.#make(deps.random.int(300, 2_000))
  }

  get loop(): Loop {
    return this.#loop
  }

  /** Whether what its engines send gets through. */
  get isTunnelUp(): boolean {
    return this.#loop === 'running' && this.deps.isLineUp() && !this.isPaused && !this.#isEnded
  }

  end(): void {
    this.#isEnded = true
  }

  /** Its control server was asked to. */
  stopVpn(): void {
    const { dialect, random } = this.deps
    if (this.#loop === 'stopped') return
    this.#turn++
    this.#loop = 'stopped'
    if (dialect === 'new') return
    this.#in(random.int(NOTICE_MS.old[0], NOTICE_MS.old[1]), () => {
      this.#isWell = false
    })
    this.#in(OLD_SELF_HEAL_MS, () => this.#make(100))
  }

  startVpn(): void {
    if (this.#loop === 'stopped') this.#make(this.deps.random.int(100, 300))
  }

  /** It restarts its VPN inside, as after a trouble of its provider's. */
  reconnect(): void {
    if (this.#loop !== 'stopped') this.#make(this.deps.random.int(200, 2_000))
  }

  /** The line to its server was cut, or is there again. */
  lineChanged(): void {
    const { deps } = this
    if (this.#loop !== 'running') return
    if (deps.isLineUp()) {
      if (!this.#isWell) this.#in(deps.random.int(600, 2_800), () => this.#make(100))
      return
    }
    const [least, most] = NOTICE_MS[deps.dialect]
    this.#in(deps.random.int(least, most), () => {
      if (deps.isLineUp()) return
      this.#isWell = false
      this.#make(100)
    })
  }

  #make(ms: number): void {
    this.#turn++
    this.#loop = 'starting'
    this.#in(ms, () => {
      this.#loop = 'running'
      if (this.deps.isLineUp()) this.#made()
      else this.#in(STARTUP_CHECK_MS, () => this.#failedAtOnce())
    })
  }

  #made(): void {
    this.#isWell = true
    this.deps.onTunnel()
  }

  #failedAtOnce(): void {
    if (this.deps.isLineUp()) {
      this.#made()
      return
    }
    this.#isWell = false
    this.#make(100)
  }

  /** Unless another tunnel is made, or this one ends, before. */
  #in(ms: number, act: () => void): void {
    const turn = this.#turn
    this.deps.clock.after(ms, () => {
      if (this.#turn === turn && !this.#isEnded) act()
    })
  }

  /** Docker's health check, again and again. */
  #check(): void {
    this.deps.clock.after(CHECK_MS, () => {
      if (this.#isEnded) return
      this.#check()
      if (!this.isPaused) this.#note()
    })
  }

  #note(): void {
    const age = this.deps.clock.now() - this.#beganMs
    if (this.#isWell) this.#streak = 0
    else if (this.#health !== 'starting' || age > START_PERIOD_MS) this.#streak++
    const isIll = this.#streak >= RETRIES
    const health = this.#isWell ? 'healthy' : isIll ? 'unhealthy' : this.#health
    if (health === this.#health) return
    this.#health = health
    this.deps.onHealth(health)
  }
}
