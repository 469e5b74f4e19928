import { type ShownEngine, usedMs } from '../../core/proxies/choice.ts'
import type { ServedList } from '../../core/proxies/walks.ts'
import type { Engine, Stream } from '../../core/types.ts'
import { FAILED_ATTEMPT_MS, inTurn, turnsOf } from '../../core/views/listing.ts'
import { shownToProxies } from '../../core/views/proxy-view.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Store } from '../../store/store.ts'
import type { Addresses } from '../engines/addresses.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import { engineNamed } from '../engines/references.ts'
import type { Facts } from '../facts/facts.ts'
import type { Listings } from '../proxies/listings.ts'
import type { ProxyWatch } from '../proxies/proxy-watch.ts'
import { type EngineView, engineView } from './engine-json.ts'
import { Rendered } from './rendered.ts'
import type { StreamViews } from './stream-views.ts'
import { type ViewedEngine, ViewedEngines } from './viewed-engines.ts'

/** A live engine with its id, as JSON text. */
interface EngineRecord {
  readonly id: string
  readonly json: string
}

/** A listed engine as proxies are shown it, and its JSON text. */
interface ListedRecord extends ShownEngine {
  readonly json: string
  readonly isFirst: boolean
  readonly isExpected: boolean
}

/** The list in the order of one turn. */
interface OrderedList {
  readonly engines: ServedList
  readonly body: Blob
}

interface Snapshot {
  /** When time alone changes the list. */
  readonly untilMs: number
  /** The listed engines in groups of equal rank. */
  readonly groups: readonly (readonly ListedRecord[])[]
  readonly turns: number
  /** The list of each turn, made when it is first asked for. */
  readonly lists: Map<number, OrderedList>
  readonly records: readonly EngineRecord[]
}

/**
 * The answers about engines, from the store and memory. They are rendered once per version of the state and kept as text,
 * because proxies ask far more often than anything changes.
 */
export class EngineViews {
  readonly #viewed: ViewedEngines
  readonly #snapshot: Rendered<Snapshot>

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly facts: Facts
      readonly clock: Clock
      readonly addresses: Addresses
      readonly listings: Listings
      readonly proxies: Pick<ProxyWatch, 'served' | 'nextTurn'>
      /** How many streams a proxy puts on one engine. */
      readonly perEngineMax: number
      readonly streamViews: StreamViews
    },
  ) {
    const { clock, store, rows, listings } = deps
    const view = (engine: Engine, started: readonly Stream[]) => this.#view(engine, started)
    this.#viewed = new ViewedEngines({ store, rows, listings, view })
    this.#snapshot = new Rendered({
      clock,
      sources: [store, listings],
      render: () => this.#render(clock.now()),
      untilMs: ({ untilMs }) => untilMs,
    })
  }

  /**
   * The engines that a proxy may use, as encoded JSON. Engines of equal rank are in another order at every call of a client,
   * whose `User-Agent` is `agent`.
   */
  listedJson(agent: string): Blob {
    const { proxies } = this.deps
    const { groups, turns, lists } = this.#snapshot.read()
    const turn = proxies.nextTurn(agent) % turns
    let list = lists.get(turn)
    if (list === undefined) {
      list = orderedList(groups, turn)
      lists.set(turn, list)
    }
    proxies.served(list.engines, agent)
    return list.body
  }

  /** The number of engines that a proxy may use. */
  listedCount(): number {
    return this.#snapshot.read().groups.flat().length
  }

  /** All live engines as JSON text. Hidden engines have the reason. */
  allJson(): string {
    return array(this.#snapshot.read().records)
  }

  /** All live engines, each as a JSON text of its own. */
  records(): readonly EngineRecord[] {
    return this.#snapshot.read().records
  }

  /**
   * One live engine with its started streams; null if no engine has this id or name. Throws InvalidRequest if the id is too
   * short or ambiguous.
   */
  one(idOrName: string) {
    const { store, rows } = this.deps
    const engine = engineNamed(store.db, idOrName)
    if (engine === undefined) return null
    const streams = rows.read().started.get(engine.id) ?? []
    return {
      engine: this.#view(engine, streams),
      streams: streams.map((stream) => this.deps.streamViews.view(stream)),
    }
  }

  #render(nowMs: number): Snapshot {
    const viewed = this.#viewed.read()
    const listed = this.#listed(viewed.filter(({ view }) => view.listed))
    const groups = RANKS.map((rank) => listed.filter((engine) => rankOf(engine) === rank))
    const ends = viewed.flatMap(({ engine, expected }) => [
      (engine.failedAttemptAt ?? 0) + FAILED_ATTEMPT_MS,
      expected?.untilMs ?? 0,
    ])
    return {
      untilMs: Math.min(Number.POSITIVE_INFINITY, ...ends.filter((ms) => ms > nowMs)),
      ...{ groups, turns: turnsOf(groups.map(({ length }) => length)), lists: new Map() },
      records: viewed.map(({ engine: { id }, json }) => ({ id, json })),
    }
  }

  #view(engine: Engine, started: readonly Stream[]): EngineView {
    return engineView(engine, started, this.deps)
  }

  /** Engines as proxies are shown them. */
  #listed(viewed: readonly ViewedEngine[]): readonly ListedRecord[] {
    const { listings, perEngineMax } = this.deps
    const shown = shownToProxies(
      viewed.map(({ engine, expected, view }) => ({
        isHealthy: view.health_status === 'healthy',
        isFirst: listings.isFirst(engine),
        isForwarded: view.forwarded,
        hasRoom: view.streams.length < perEngineMax,
        usedMs: usedMs(engine),
        expected,
      })),
    )
    return viewed.map((each, at) => {
      const { engine, expected, view } = each
      const { isForwarded = view.forwarded, usedMs = null } = shown[at] ?? {}
      return {
        ...{ engineId: engine.id, containerId: engine.containerId ?? '', isForwarded, usedMs },
        isHealthy: view.health_status === 'healthy',
        isFirst: listings.isFirst(engine),
        isExpected: expected !== null,
        json: expected === null ? each.json : each.shownAs({ isForwarded, usedMs }),
      }
    })
  }
}

/** Healthy engines come first, and in each half those without an expected stream. */
const rankOf = ({ isFirst, isExpected }: ListedRecord): number => (isFirst ? 0 : 2) + (isExpected ? 1 : 0)

const RANKS = [0, 1, 2, 3]

function orderedList(groups: readonly (readonly ListedRecord[])[], turn: number): OrderedList {
  const engines = inTurn(groups, turn)
  return { engines, body: new Blob([array(engines)]) }
}

const array = (rows: readonly { readonly json: string }[]): string =>
  `[${rows.map(({ json }) => json).join(',')}]`
