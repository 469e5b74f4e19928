import type { Clock } from '../../src/lib/clock.ts'
import type { Books } from './books.ts'
import type { ChoiceChecks } from './choice-checks.ts'
import { type Coverage, tally } from './coverage.ts'
import type { HostChecks } from './host-checks.ts'
import type { Answer, Http } from './http.ts'
import type { Orders } from './orders.ts'
import type { OutsideChecks } from './outside-checks.ts'
import type { Server } from './server.ts'
import type { SimHost } from './sim-host.ts'
import { short, type Trace } from './trace.ts'
import type { VpnChecks } from './vpn-checks.ts'

interface AllRow {
  readonly container_id: string | null
  readonly listed: boolean
  readonly reason: string | null
  readonly status: string
}

export interface PromiseChecksDeps {
  readonly clock: Clock
  readonly http: Http
  readonly books: Books
  readonly host: SimHost
  readonly server: Server
  readonly orders: Orders
  readonly trace: Trace
  /**
   * When the present outage of Docker, or one that has just ended, began. Until the next look, the orchestrator believes
   * what it knew then.
   */
  readonly outageSinceMs: () => number | null
  readonly vpn: VpnChecks
  readonly outside: OutsideChecks
  readonly hosts: Pick<HostChecks, 'wasLost' | 'wasDrained'>
  readonly coverage: Coverage
  readonly choices: Pick<ChoiceChecks, 'saw' | 'mayHandOut'>
  readonly onViolation: (text: string) => void
}

/** How late a look may be: two full passes, a call that hangs until its deadline, and its back-off. */
const STALE_MS = 45_000

/** Checks promise 1: an engine that was returned with a 200 is listed from then on, or hidden for a true reason. */
export class PromiseChecks {
  readonly #promised = new Map<string, string>()

  constructor(private readonly deps: PromiseChecksDeps) {}

  /** Notes that a caller received an engine. */
  async promised(containerId: string, caller: string): Promise<void> {
    const earlier = this.#promised.get(containerId)
    if (earlier !== undefined && earlier !== caller) {
      if (this.deps.choices.mayHandOut()) tally(this.deps.coverage, 'engine given again at the cap')
      else this.deps.onViolation(`${short(containerId)} was given to ${earlier} and to ${caller}`)
    }
    this.#promised.set(containerId, caller)
    this.deps.outside.given(containerId)
    await this.check()
  }

  /** Reads both lists at one instant and checks every promise with them. */
  async check(): Promise<void> {
    const { http, server } = this.deps
    const life = server.running?.life
    const [all, listed] = await Promise.all([
      http.ask({ method: 'GET', path: '/engines?status=all' }),
      http.ask({ method: 'GET', path: '/engines' }),
    ])
    if (all?.status !== 200 || listed?.status !== 200 || life?.isDead !== false) return
    const rows = new Map((all.body as AllRow[]).map((row) => [row.container_id, row]))
    this.#compare(rows, listed)
    this.deps.choices.saw(listed.body as AllRow[])
    for (const containerId of this.#promised.keys()) this.#judge(containerId, rows.get(containerId))
  }

  #compare(rows: ReadonlyMap<string | null, AllRow>, { body }: Answer): void {
    const names = new Set((body as AllRow[]).map(({ container_id: id }) => id))
    for (const [id, { listed, reason }] of rows)
      if (listed !== names.has(id) || listed !== (reason === null))
        this.deps.onViolation(`${short(id)}: the two lists differ`)
  }

  #judge(containerId: string, row: AllRow | undefined): void {
    const { host, onViolation } = this.deps
    if (row === undefined) {
      this.#promised.delete(containerId)
      if (host.process(containerId) !== undefined)
        onViolation(`${short(containerId)} was promised, runs, and is in no list`)
      return
    }
    if (row.listed || this.#isTrue(containerId, row)) return
    onViolation(`${short(containerId)} was promised and is hidden: ${row.reason}, which is not so`)
  }

  #isTrue(containerId: string, { reason }: AllRow): boolean {
    const { host, clock, orders, server, books } = this.deps
    const engine = books.byContainer(containerId)
    switch (reason) {
      case 'its container is not running': {
        // The orchestrator is recreating or restarting the container, so that it joins its VPN node again.
        if (engine !== null && engine.vpn_node !== null && engine.container_state === 'restarting')
          return true
        const stoppedMs = host.notRunningAt(containerId)
        return stoppedMs !== null && stoppedMs >= (this.deps.outageSinceMs() ?? clock.now()) - STALE_MS
      }
      case 'it is outside the VPN':
        return this.deps.outside.mayBeOutside(containerId)
      case 'it is unhealthy':
        return server.failuresOf(engine?.id ?? '') >= (server.running?.config.HEALTH_FAILURE_THRESHOLD ?? 0)
      case 'its VPN node is down':
        return this.deps.vpn.wasNodeInTrouble(engine?.vpn_node ?? null)
      case 'its VPN node was restarted, and it has not joined it again yet':
        return this.deps.vpn.isNetworkGone(containerId)
      case 'it says that it is not connected, though its VPN works':
        return this.deps.vpn.wasCutOff(containerId)
      case 'its host does not answer the swarm':
        return this.deps.hosts.wasLost(containerId)
      case 'its host is being drained':
        return this.deps.hosts.wasDrained(containerId)
      case 'it is being removed':
        return orders.isDeleted(containerId) || engine?.drain_cause !== null || this.#isGivenUp(containerId)
      case 'it is draining':
        return this.#mayDrain(containerId)
      default:
        return false
    }
  }

  /** Whether the engine may be removed because its host is away. */
  #isGivenUp(containerId: string): boolean {
    const { hosts } = this.deps
    return hosts.wasLost(containerId) || hosts.wasDrained(containerId)
  }

  #mayDrain(containerId: string): boolean {
    const { books, orders } = this.deps
    switch (books.byContainer(containerId)?.drain_cause) {
      case 'operator':
        return orders.isDrained(containerId)
      // Whether the cause is true is checked when it is written (drain-checks.ts).
      case 'surplus':
      case 'scaled_down':
      case 'outdated':
      case 'unhealthy':
      case 'plays_nothing':
      case 'vpn_lost':
        return true
      default:
        return orders.isDeleted(containerId) || this.#isGivenUp(containerId)
    }
  }
}
