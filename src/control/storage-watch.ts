import type { Clock } from '../lib/clock.ts'
import type { OnError } from '../lib/guard.ts'
import type { Log } from '../lib/log.ts'
import { loop } from '../lib/loop.ts'
import type { StorageFailure } from '../store/failure.ts'
import { appendJournal } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import type { Warnings } from './warnings.ts'

/** How often an outage is tried to be ended, and the file looked for while there is none. */
const TICK_MS = 1_000

/** A damaged file is read as a whole to find out whether it is whole again. */
const DAMAGED_TICKS = 60

/** Ends outages of the storage as soon as the database takes writes again, and tells of them. */
export class StorageWatch {
  readonly #stop = new AbortController()
  #loop: Promise<void> = Promise.resolve()
  #sinceMs = 0
  #ticks = 0

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly warnings: Warnings
      readonly log: Log
      readonly onError: OnError
      /** Called at the end of an outage: what happened meanwhile has to be found. */
      readonly onRecovery: () => void
    },
  ) {}

  start(): void {
    const { store, clock, onError } = this.deps
    store.onStorage(() => this.#changed())
    this.#changed()
    const work = (): void => this.#tick()
    this.#loop = loop({
      clock,
      intervalMs: TICK_MS,
      first: 'later',
      signal: this.#stop.signal,
      work,
      onError,
    })
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loop
  }

  #tick(): void {
    const { store } = this.deps
    const failure = store.failure()
    if (failure === null) {
      store.check()
      return
    }
    if (failure.kind === 'damaged' && ++this.#ticks % DAMAGED_TICKS !== 0) return
    const kept = store.keptCount()
    const now = store.recover()
    if (now === null) this.#recovered(failure, kept)
    else this.#tell(now)
  }

  #changed(): void {
    const { store, clock } = this.deps
    const failure = store.failure()
    if (failure === null) return
    this.#sinceMs = clock.now()
    this.#ticks = 0
    this.#tell(failure)
  }

  #tell({ message, remedy }: StorageFailure): void {
    this.deps.warnings.tell('storage_unavailable', {
      message: `the database takes no writes: ${message}; nothing is begun or ended, and what proxies report is kept in memory`,
      remedy,
    })
  }

  #recovered(failure: StorageFailure, kept: number): void {
    const { store, clock, warnings, log, onRecovery } = this.deps
    const nowMs = clock.now()
    const seconds = Math.round((nowMs - this.#sinceMs) / 1_000)
    warnings.tell('storage_unavailable', null)
    log.info({ seconds, kept }, 'the database takes writes again, and has got what was kept for it')
    onRecovery()
    const detail = { reason: failure.message, seconds, kept }
    store.transact((tx) => appendJournal(tx, nowMs, { kind: 'storage.recovered', detail }))
  }
}
