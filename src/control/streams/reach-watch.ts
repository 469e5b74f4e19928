import { EXPECTED_MS } from '../../core/proxies/expected.ts'
import { type Fruitless, ROW_MIN, unreachedWarning } from '../../core/proxies/unreached.ts'
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
 * Watches whether proxies reach the engines that they choose. acexy reports nothing when it cannot, and older versions report
 * a failure without its cause: so attempts are counted that led to no stream, on engines that answer us. A stream that begins
 * proves that proxies reach engines. Kept in memory, and unknown after a restart.
 */
export class ReachWatch {
  #open: readonly Open[] = []
  #fruitless: readonly Fruitless[] = []

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly rows: FleetRows
      readonly facts: Pick<Facts, 'health'>
      readonly addresses: Pick<Addresses, 'advertised' | 'wayTo'>
      readonly advertiseHost: string
      readonly warnings: Pick<Warnings, 'tell'>
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
  }

  /** Notes that a stream began on an engine: proxies reach what they are told. */
  began(): void {
    this.#open = []
    this.#fruitless = []
    this.deps.warnings.tell('engines_unreached', null)
  }

  /** Counts the choices of which nothing came in time. Time alone makes them so: call this regularly. */
  look(): void {
    const { clock, rows } = this.deps
    if (rows.read().started.size > 0) {
      this.began()
      return
    }
    const overdue = this.#open.filter(({ atMs }) => clock.now() - atMs >= EXPECTED_MS)
    if (overdue.length === 0) return
    this.#open = this.#open.filter((each) => !overdue.includes(each))
    this.#count(overdue.map(({ engine }) => engine))
  }

  #count(engines: readonly Engine[]): void {
    const { clock, facts, addresses, advertiseHost, warnings } = this.deps
    const answering = engines.filter(({ id }) => facts.health(id, clock.now()).verdict === 'healthy')
    if (answering.length === 0) return
    const more = answering.map((engine) => ({
      engine: engine.name,
      listed: addresses.advertised(engine),
      way: addresses.wayTo(engine),
      networks: engine.networks,
    }))
    this.#fruitless = [...this.#fruitless, ...more].slice(-ROW_MIN)
    warnings.tell('engines_unreached', unreachedWarning(this.#fruitless, advertiseHost))
  }
}
