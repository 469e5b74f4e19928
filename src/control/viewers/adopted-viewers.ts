import type { Engine } from '../../core/types.ts'
import { isQuiet, type Quiet, withReading } from '../../core/viewers/adopted-viewers.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'
import type { Log } from '../../lib/log.ts'
import { Loop } from '../../lib/loop.ts'
import { type Meters, RuntimeFailure } from '../../runtime/runtime.ts'
import { engineById, liveEngines, updateEngine } from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import type { Facts } from '../facts/facts.ts'

/** The time between readings. The minute in which the traffic has to stand still consists of three such intervals. */
const INTERVAL_MS = 20_000

/**
 * Watches adopted engines, which may have viewers that we do not know. Their network traffic shows whether they have any. An
 * adopted engine counts as busy until its traffic stands still.
 */
export class AdoptedViewers {
  readonly #loop: Loop
  readonly #readings = new Map<string, Quiet>()

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      /** Null if nothing counts traffic: then an adopted engine counts as busy for some hours. */
      readonly meters: Pick<Meters, 'traffic'> | null
      readonly facts: Facts
      readonly log: Log
      readonly onError: OnError
    },
  ) {
    const { clock, onError } = deps
    const work = (signal: AbortSignal): Promise<void> => this.#round(signal)
    this.#loop = new Loop({ clock, intervalMs: INTERVAL_MS, first: 'now', work, onError })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** Reads one engine after another, because each question takes Docker a second. */
  async #round(signal: AbortSignal): Promise<void> {
    const { store, facts } = this.deps
    const adopted = liveEngines(store.db).filter(({ adoptedAt }) => adoptedAt !== null)
    keepOnly(this.#readings, new Set(adopted.map(({ id }) => id)))
    for (const engine of adopted) {
      if (signal.aborted) return
      if (facts.docker().state === 'reachable' && facts.isRunning(engine)) await this.#read(engine, signal)
    }
  }

  async #read({ id, containerId }: Engine, signal: AbortSignal): Promise<void> {
    const { meters, clock } = this.deps
    if (containerId === null) return
    try {
      const traffic = (await meters?.traffic(containerId, signal)) ?? null
      if (traffic === null) this.#readings.delete(id)
      else {
        const bytes = traffic.receivedBytes + traffic.sentBytes
        this.#readings.set(id, withReading(this.#readings.get(id) ?? null, bytes, clock.now()))
      }
    } catch (error) {
      // A failed reading tells nothing. The next round tries again.
      if (!(error instanceof RuntimeFailure)) throw error
      return
    }
    this.#judge(id)
  }

  #judge(engineId: string): void {
    const { store, clock, log } = this.deps
    const engine = engineById(store.db, engineId)
    if (engine === undefined || engine.adoptedAt === null) return
    const now = clock.now()
    if (!isQuiet(this.#readings.get(engineId) ?? null, engine.adoptedAt, now)) return
    this.#readings.delete(engineId)
    store.transact((tx) => {
      updateEngine(tx, engineId, { adoptedAt: null })
      appendJournal(tx, now, { kind: 'engine.quiet', engineId })
    })
    log.info(
      { engine: engineId, name: engine.name },
      'the adopted engine has no viewer that we do not know of',
    )
  }
}
