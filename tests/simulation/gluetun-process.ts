import type { Health } from '../../src/runtime/runtime.ts'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'

/** How a version of Gluetun notices that its tunnel is dead; measured on v3.40 and v3.41. */
export type Dialect = 'old' | 'new'

/** The states of Gluetun's VPN loop that last long enough to be seen. */
type Loop = 'starting' | 'running' | 'stopped'

export interface GluetunProcessDeps {
  readonly clock: SimClock
  readonly random: Random
  readonly dialect: Dialect
  /** Whether packets from the host reach the VPN server. */
  readonly isLineUp: () => boolean
  /** Whether the health check fails whatever the tunnel does, because what it asks for does not come through. */
  readonly isCheckWrong: () => boolean
  /** Called when Docker's verdict on the container changed. */
  readonly onHealth: (health: Health) => void
  /** Called when a new tunnel was made. */
  readonly onTunnel: () => void
}

const CHECK_MS = 5_000
const START_PERIOD_MS = 10_000
const RETRIES = 3
/** If nothing comes through a new tunnel, it is replaced after this time. */
const STARTUP_CHECK_MS = 6_000
/** Up to v3.40, Gluetun restarts the VPN even if somebody stopped it. */
const OLD_SELF_HEAL_MS = 12_700
/** How long Gluetun takes to notice a cut. */
const NOTICE_MS = { old: [4_800, 6_900], new: [152_000, 177_000] } as const

/** One start of Gluetun in its container: its tunnel, and what its health check knows. */
export class GluetunProcess {
  isPaused = false
  #loop: Loop = 'starting'
  /** What Gluetun's own health server says. It notices changes late. */
  #isWell = false
  #streak = 0
  #health: Health = 'starting'
  #isEnded = false
  readonly #beganMs: number
  /** Counts the starts and ends of tunnels, so that a pending timer notices that it is out of date. */
  #turn = 0

  constructor(private readonly deps: GluetunProcessDeps) {
    this.#beganMs = deps.clock.now()
    this.#check()
    this.#make(deps.random.int(300, 2_000))
  }

  get loop(): Loop {
    return this.#loop
  }

  /** Whether traffic of engines behind this node gets through. */
  get isTunnelUp(): boolean {
    return this.#loop === 'running' && this.deps.isLineUp() && !this.isPaused && !this.#isEnded
  }

  end(): void {
    this.#isEnded = true
  }

  /** Handles a request to the control server to stop the VPN. */
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

  /** Restarts the VPN inside Gluetun, as after a failure at the provider. */
  reconnect(): void {
    if (this.#loop !== 'stopped') this.#make(this.deps.random.int(200, 2_000))
  }

  /** Call this when the line to the VPN server was cut or is back. */
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

  /** Runs `act` later, unless another tunnel is made or the process ends before that. */
  #in(ms: number, act: () => void): void {
    const turn = this.#turn
    this.deps.clock.after(ms, () => {
      if (this.#turn === turn && !this.#isEnded) act()
    })
  }

  /** Runs Docker's health check periodically. */
  #check(): void {
    this.deps.clock.after(CHECK_MS, () => {
      if (this.#isEnded) return
      this.#check()
      if (!this.isPaused) this.#note()
    })
  }

  #note(): void {
    const age = this.deps.clock.now() - this.#beganMs
    const isWell = this.#isWell && !this.deps.isCheckWrong()
    if (isWell) this.#streak = 0
    else if (this.#health !== 'starting' || age > START_PERIOD_MS) this.#streak++
    const isIll = this.#streak >= RETRIES
    const health = isWell ? 'healthy' : isIll ? 'unhealthy' : this.#health
    if (health === this.#health) return
    this.#health = health
    this.deps.onHealth(health)
  }
}
