import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { Loop } from '../../lib/loop.ts'
import type { StorageFailure } from '../../store/failure.ts'
import { appendJournal } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import type { LookQueue } from '../facts/look-queue.ts'
import type { Warnings } from '../reporting/warnings.ts'

/** How often the database files are checked, and the live rows are remembered for an outage. */
const CHECK_MS = 5_000

/** How often this process tries to end an outage. Each try on a damaged file reads the whole file, so these are rarer. */
const RETRY_MS = 1_000
const DAMAGED_RETRY_MS = 60_000

/** Ends outages of the storage as soon as the database takes writes again, and reports outages. */
export class StorageWatch {
  readonly #loop: Loop
  #sinceMs = 0
  #cancel: () => void = () => undefined

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly warnings: Warnings
      readonly log: Log
      readonly onError: OnError
      readonly looks: Pick<LookQueue, 'passThoroughly'>
    },
  ) {
    const { store, clock, onError } = deps
    const work = (): void => store.check()
    this.#loop = new Loop({ clock, intervalMs: CHECK_MS, first: 'later', work, onError })
  }

  start(): void {
    this.deps.store.onStorage(() => this.#changed())
    this.#changed()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#cancel()
    await this.#loop.stop()
  }

  #changed(): void {
    const { store, clock } = this.deps
    const failure = store.failure()
    if (failure === null) return
    this.#sinceMs = clock.now()
    this.#tell(failure)
    this.#retryLater(failure)
  }

  #retryLater({ kind }: StorageFailure): void {
    const { clock, onError } = this.deps
    if (this.#loop.signal.aborted) return
    const waitMs = kind === 'damaged' ? DAMAGED_RETRY_MS : RETRY_MS
    this.#cancel()
    this.#cancel = clock.after(
      waitMs,
      guarded(() => this.#retry(), onError),
    )
  }

  #retry(): void {
    const { store } = this.deps
    const before = store.failure()
    if (before === null) return
    // Scheduled first, so that there is another try even if this one throws.
    this.#retryLater(before)
    const kept = store.keptCount()
    const now = store.recover()
    if (now !== null) this.#tell(now)
    else this.#recovered(before, kept)
  }

  #tell({ message, remedy }: StorageFailure): void {
    this.deps.warnings.tell('storage_unavailable', {
      message: `the database takes no writes: ${message}; nothing is begun or ended, and what proxies report is kept in memory`,
      remedy,
    })
  }

  #recovered(failure: StorageFailure, kept: number): void {
    const { store, clock, warnings, log, looks } = this.deps
    this.#cancel()
    const nowMs = clock.now()
    const seconds = Math.round((nowMs - this.#sinceMs) / 1_000)
    warnings.tell('storage_unavailable', null)
    log.info({ seconds, kept }, 'the database takes writes again, and has got what was kept for it')
    // What happened during the outage was seen but could not be written.
    looks.passThoroughly()
    const detail = { reason: failure.message, seconds, kept }
    store.transact((tx) => appendJournal(tx, nowMs, { kind: 'storage.recovered', detail }))
  }
}
