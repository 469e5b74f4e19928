import { EXPECTED_MS } from '../../core/proxies/expected.ts'
import { type Fruitless, ROW_MIN, unreachedWarning } from '../../core/proxies/unreached.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import type { Engine } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Addresses } from '../engines/addresses.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { Facts } from '../facts/facts.ts'
import type { Warnings } from '../reporting/warnings.ts'

/** A proxy that has chosen an engine, and has reported nothing since. */
interface Open {
  readonly engine: Engine
  readonly atMs: number
}

/** The most choices that are waited for. */
const OPEN_MAX = 64

/**
 * Watches whether proxies reach the engines that they choose. What a proxy cannot reach from its container is known before it
 * tries. Otherwise acexy reports nothing when it fails, and older versions report a failure without its cause: so attempts
 * are counted that led to no stream, on engines that answer us. A stream that begins proves that proxies reach engines. Kept
 * in memory, and unknown after a restart.
 */
export class ReachWatch {
  #open: readonly Open[] = []
  #fruitless: readonly Fruitless[] = []
  /** What proxies cannot reach, as it was last found out. */
  #foreseen: Warning | null = null

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly rows: FleetRows
      readonly facts: Pick<Facts, 'health'>
      readonly addresses: Pick<Addresses, 'advertised' | 'wayTo'>
      /** What proxies are known not to reach. */
      readonly cutOff: { warning(): Warning | null }
      readonly advertiseHost: string
      readonly warnings: Pick<Warnings, 'tell' | 'standing'>
    },
  ) {}

  /** Notes that a proxy has chosen an engine, and goes to it now. */
  goesTo(engine: Engine): void {
    this.#open = [...this.#open, { engine, atMs: this.deps.clock.now() }].slice(-OPEN_MAX)
  }

  /** Notes that a proxy reported a start that failed, on this engine. */
  failed(engine: Engine): void {
    const at = this.#open.findIndex((each) => each.engine.id === engine.id)
    this.#open = this.#open.filter((_, index) => index !== at)
    this.#count([engine])
    this.#say()
  }

  /** Notes that a stream began on an engine: proxies reach what they are told. */
  began(): void {
    this.#forget()
    this.#say()
  }

  /** Finds out anew what is known without an attempt, and tells it. */
  tell(): void {
    const foreseen = this.deps.cutOff.warning()
    // Attempts from before a remedy was followed prove nothing about the way after it.
    if (this.#foreseen !== null && foreseen === null) this.#forget()
    this.#foreseen = foreseen
    this.#say()
  }

  /** Counts the choices of which nothing came in time, and tells. Time alone makes them so: call this regularly. */
  look(): void {
    const { clock, rows, warnings } = this.deps
    if (rows.read().started.size > 0) {
      this.#forget()
      this.tell()
      return
    }
    // A stream may have begun whose event was refused.
    if (warnings.standing().some(({ code }) => code === 'events_refused')) this.#forget()
    const overdue = this.#open.filter(({ atMs }) => clock.now() - atMs >= EXPECTED_MS)
    this.#open = this.#open.filter((each) => !overdue.includes(each))
    this.#count(overdue.map(({ engine }) => engine))
    this.tell()
  }

  #forget(): void {
    this.#open = []
    this.#fruitless = []
  }

  #count(engines: readonly Engine[]): void {
    const { clock, facts, addresses } = this.deps
    const answering = engines.filter(({ id }) => facts.health(id, clock.now()).verdict === 'healthy')
    const more = answering.map((engine) => ({
      engine: engine.name,
      listed: addresses.advertised(engine),
      way: addresses.wayTo(engine),
      networks: engine.networks,
    }))
    this.#fruitless = [...this.#fruitless, ...more].slice(-ROW_MIN)
  }

  #say(): void {
    const { advertiseHost, warnings } = this.deps
    warnings.tell('engines_unreached', this.#foreseen ?? unreachedWarning(this.#fruitless, advertiseHost))
  }
}
