import type { Frame } from '../../core/feed/backlog.ts'
import { type States, stateChanges } from '../../core/feed/state-changes.ts'
import { journalAfter, lastJournalId } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import { journalFrame, stateFrame } from './feed-frames.ts'
import { kindOf, type StateSource, snapshotJson } from './feed-states.ts'

/** How many journal entries are read at once. */
const BATCH = 200

/** Remembers what was already sent (the journal up to one entry, and the records at that time), and finds what is new. */
export class FeedWriter {
  #lastId = 0
  #states: States = new Map()
  /** Distinguishes the frames that follow the same journal entry. */
  #count = 0

  constructor(private readonly deps: { readonly store: Store; readonly states: StateSource }) {}

  /** The id of the newest journal entry that was sent. */
  lastId(): number {
    return this.#lastId
  }

  /** Begins with the current state, because nothing was sent to anybody yet. */
  begin(): void {
    this.#setLastId(lastJournalId(this.deps.store.db))
    this.#states = this.deps.states.read()
  }

  /** Returns everything new and counts it as sent: first the journal entries, then the states that resulted from them. */
  news(): readonly Frame[] {
    const frames: Frame[] = []
    for (;;) {
      const { entries, isLast } = this.entriesAfter(this.#lastId)
      frames.push(...entries.map(({ frame }) => frame))
      this.#setLastId(entries.at(-1)?.id ?? this.#lastId)
      if (isLast) return [...frames, ...this.#stateFrames()]
    }
  }

  /** The journal entries after this id, at most one batch. */
  entriesAfter(id: number) {
    const rows = journalAfter(this.deps.store.db, id, BATCH)
    const entries = rows.map((row) => ({ id: row.id, frame: journalFrame(row) }))
    return { entries, isLast: rows.length < BATCH }
  }

  /** The states of all records as they were last sent. */
  snapshot(): Frame {
    return stateFrame('snapshot', `${this.#lastId}.${this.#count}`, snapshotJson(this.#states))
  }

  #stateFrames(): readonly Frame[] {
    const { states } = this.deps
    const before = this.#states
    const after = states.read()
    const { changed, gone } = stateChanges(before, after)
    this.#states = after
    const finalStates = gone.flatMap(([key, last]) => {
      const json = states.finalState(key, last)
      return json === null ? [] : [this.#stateFrame(key, json)]
    })
    return [...finalStates, ...changed.map(([key, { json }]) => this.#stateFrame(key, json))]
  }

  #stateFrame(key: string, json: string): Frame {
    return stateFrame(kindOf(key), `${this.#lastId}.${++this.#count}`, json)
  }

  #setLastId(id: number): void {
    if (id !== this.#lastId) this.#count = 0
    this.#lastId = id
  }
}
