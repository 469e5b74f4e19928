import { choiceAmong, usedMs } from '../../core/proxies/choice.ts'
import type { Engine } from '../../core/types.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Db } from '../../store/store.ts'
import { startedByEngine } from '../../store/streams.ts'
import type { Listings } from './listings.ts'

/** Finds engines that a caller can be given without starting one. */
export class FreeEngines {
  constructor(
    private readonly listings: Listings,
    /** How many streams a proxy puts on one engine. */
    private readonly perEngineMax: number,
  ) {}

  /**
   * The listed engine that a proxy would take and on which there is room, with the streams that are expected; undefined if
   * there is none that `isFit` accepts. Reads the given database.
   */
  find(db: Db, isFit: (engine: Engine) => boolean = () => true): Engine | undefined {
    const started = startedByEngine(db)
    // An adopted engine may have viewers that nobody reported.
    const listed = liveEngines(db).filter(
      (engine) =>
        engine.adoptedAt === null && isFit(engine) && this.listings.of(engine, started.has(engine.id)).listed,
    )
    const taken = listed.map(
      (engine) => (started.get(engine.id) ?? 0) + (this.listings.expectedOn(engine)?.streams ?? 0),
    )
    const shown = listed.map((engine) => ({
      engineId: engine.id,
      containerId: engine.containerId ?? '',
      isHealthy: this.listings.shownHealth(engine) === 'healthy',
      isForwarded: this.listings.isForwarded(engine),
      usedMs: usedMs(engine),
    }))
    const chosen = choiceAmong(shown, taken, this.perEngineMax)
    return listed.find(({ id }) => id === chosen?.engineId)
  }
}
