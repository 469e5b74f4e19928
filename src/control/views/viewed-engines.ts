import type { Expected } from '../../core/proxies/expected.ts'
import type { Engine, Stream } from '../../core/types.ts'
import type { Store } from '../../store/store.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { Listings } from '../proxies/listings.ts'
import type { EngineView } from './engine-json.ts'
import { isoOrNull } from './iso.ts'

/** What a list for proxies may show otherwise than it is. */
interface Shown {
  readonly isForwarded: boolean
  readonly usedMs: number | null
}

/** A live engine as it is shown now, with its JSON. */
export class ViewedEngine {
  readonly json: string
  #shown: (Shown & { readonly json: string }) | null = null

  constructor(
    readonly engine: Engine,
    readonly expected: Expected | null,
    readonly view: EngineView,
  ) {
    this.json = JSON.stringify(view)
  }

  /** The JSON for proxies, who are shown these values. The same text as long as the values are the same. */
  shownAs(shown: Shown): string {
    const known = this.#shown
    if (known?.isForwarded === shown.isForwarded && known.usedMs === shown.usedMs) return known.json
    const told = {
      ...this.view,
      forwarded: shown.isForwarded,
      last_stream_usage: isoOrNull(shown.usedMs),
    }
    const json = JSON.stringify(told)
    this.#shown = { ...shown, json }
    return json
  }
}

/**
 * The live engines as they are shown. Each choice of a proxy changes what is expected of one engine, and nothing else: the
 * others are viewed again only when a row or a fact has changed.
 */
export class ViewedEngines {
  #known: ReadonlyMap<string, ViewedEngine> = new Map()
  #version = -1

  constructor(
    private readonly deps: {
      readonly store: Pick<Store, 'version'>
      readonly rows: FleetRows
      readonly listings: Pick<Listings, 'factsVersion' | 'expectedOn'>
      readonly view: (engine: Engine, started: readonly Stream[]) => EngineView
    },
  ) {}

  /** All live engines, oldest first. */
  read(): readonly ViewedEngine[] {
    const { store, rows, listings } = this.deps
    const version = store.version() + listings.factsVersion()
    const known = version === this.#version ? this.#known : new Map<string, ViewedEngine>()
    const { engines, started } = rows.read()
    const viewed = engines.map((engine) =>
      this.#viewed(engine, started.get(engine.id) ?? [], known.get(engine.id)),
    )
    this.#known = new Map(viewed.map((each) => [each.engine.id, each]))
    this.#version = version
    return viewed
  }

  #viewed(engine: Engine, started: readonly Stream[], known: ViewedEngine | undefined): ViewedEngine {
    const expected = this.deps.listings.expectedOn(engine)
    if (known !== undefined && isSame(known.expected, expected)) return known
    return new ViewedEngine(engine, expected, this.deps.view(engine, started))
  }
}

const isSame = (a: Expected | null, b: Expected | null): boolean =>
  a?.sinceMs === b?.sinceMs &&
  a?.untilMs === b?.untilMs &&
  a?.streams === b?.streams &&
  a?.isHandedOut === b?.isHandedOut
