import type { Clock } from '../../src/lib/clock.ts'
import type { Books } from './books.ts'
import { type Coverage, tally } from './coverage.ts'
import type { EngineProcess } from './engine-process.ts'
import type { Server } from './server.ts'
import type { SimGluetun } from './sim-gluetun.ts'
import type { SimHost } from './sim-host.ts'

interface NodeRow {
  readonly container: string
  readonly state: string
  readonly last_check: string | null
}

/** How long something must have been so before the verdict on a node has to follow from it. */
const FOLLOWS_MS = { proven: 60_000, dead: 45_000 } as const
/** How late the last look at a node's container may be. */
const SEEN_MS = 15_000
/** An answer about a session, and one about the connection, come within this time. */
const ANSWERED_MS = 20_000

/** Checks that the verdict on a node follows from what its engines and streams prove, whatever its health check says. */
export class TunnelChecks {
  /** Since when the engines and streams of a node have proven that it works. */
  readonly #proven = new Map<string, number>()
  /** Since when a node's tunnel has been dead, within one start of its container. */
  readonly #dead = new Map<string, { readonly start: object; readonly sinceMs: number }>()
  /** Since when each engine has said that it is connected, or said so before its tunnel died; and to whom. */
  readonly #connected = new Map<EngineProcess, { readonly listener: string; readonly sinceMs: number }>()

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly books: Books
      readonly host: SimHost
      readonly server: Server
      readonly coverage: Coverage
      readonly onViolation: (text: string) => void
    },
  ) {}

  /** Checks the verdict on a node. Call it every few seconds, with the number of its listed engines. */
  check({ container, state, last_check: lastCheck }: NodeRow, listed: number): void {
    const { host, clock, coverage, onViolation } = this.deps
    const node = host.nodes.named(container)
    const isSeen = lastCheck !== null && clock.now() - Date.parse(lastCheck) <= SEEN_MS
    if (node === undefined) return
    const engines = this.#enginesOf(node)
    const provenMs = this.#since(this.#proven, node.name, isSeen && this.#isProven(node, engines))
    if (node.isCheckWrong && state === 'unknown' && listed > 0 && provenMs > 0)
      tally(coverage, 'engines proven by streams against a health check')
    if (provenMs >= FOLLOWS_MS.proven && state === 'down')
      onViolation(`${container} is down, and its engines and streams prove that it works`)
    if (!this.#isKnownDead(node, engines)) return
    tally(coverage, 'a dead tunnel that only engines tell of')
    if (state === 'up') onViolation(`${container} is up, and its engines say that its tunnel is dead`)
  }

  /** The processes of the engines that are ready behind a node and answer. */
  #enginesOf(node: SimGluetun): readonly EngineProcess[] {
    const { books, host } = this.deps
    return books
      .live()
      .filter((row) => row.vpn_node === node.name && row.status === 'ready')
      .flatMap((row) => host.process(row.container_id ?? '') ?? [])
      .filter(({ answers }) => answers)
  }

  /** For how long something has been so, in milliseconds; 0 if it is not, or has just begun. */
  #since(times: Map<string, number>, name: string, isSo: boolean): number {
    const now = this.deps.clock.now()
    if (!isSo) times.delete(name)
    else if (!times.has(name)) times.set(name, now)
    return now - (times.get(name) ?? now)
  }

  /** Whether an engine says that it is connected, and its stream was seen to move; and the control server does not object. */
  #isProven(node: SimGluetun, engines: readonly EngineProcess[]): boolean {
    const now = this.deps.clock.now()
    const isTold = node.scenario.speaks === 'none' || node.control === 'answers'
    const isPlayed = engines.some(
      (process) =>
        process.link?.says === true &&
        process
          .moving()
          .some((each) => each.isReported && each.answers >= 3 && now - each.answeredMs <= ANSWERED_MS),
    )
    return node.state === 'running' && node.isTunnelUp && isTold && isPlayed
  }

  /** Whether only its engines can tell that a node's tunnel is dead, and had the time to. */
  #isKnownDead(node: SimGluetun, engines: readonly EngineProcess[]): boolean {
    const { clock, server } = this.deps
    const now = clock.now()
    const listener = `${server.lives} ${server.running?.health.losses}`
    const start = node.process
    const before = this.#dead.get(node.name)
    if (start === null || node.state !== 'running' || node.isTunnelUp) this.#dead.delete(node.name)
    else if (before?.start !== start) this.#dead.set(node.name, { start, sinceMs: now })
    const sinceMs = this.#dead.get(node.name)?.sinceMs ?? now
    const present = new Set(engines)
    for (const process of this.#connected.keys()) if (process.isEnded) this.#connected.delete(process)
    for (const process of present)
      if (process.link?.says === true && this.#connected.get(process)?.listener !== listener)
        this.#connected.set(process, { listener, sinceMs: now })
    const isTold = engines.some((process) => {
      const known = this.#connected.get(process)
      const wasHeard = known !== undefined && sinceMs - known.sinceMs >= ANSWERED_MS
      return wasHeard && known.listener === listener && process.link?.says === false
    })
    const isAlone = node.scenario.speaks === 'none' && !node.scenario.hasHealthCheck
    return isAlone && isTold && now - sinceMs >= FOLLOWS_MS.dead
  }
}
