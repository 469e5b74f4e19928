import {
  ATTEMPTS_MAX,
  ATTEMPTS_MAX_AGE_MS,
  type Attempt,
  type PlaybackVerdict,
} from '../../core/engines/playback-faults.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'

/** What came of the attempts to play on one engine. */
export interface EnginePlayback {
  /** The VPN node of the engine; null without one. */
  readonly node: string | null
  readonly attempts: readonly Attempt[]
}

/** An engine that is not to be used, with the reason in words that follow "it". */
export interface Standing {
  /** The start of the engine that is judged. */
  readonly generation: number
  readonly verdict: PlaybackVerdict
  readonly reason: string
  readonly sinceMs: number
}

/** The most engines that are remembered, with those that have ended. */
const ENGINES_MAX = 256

/**
 * What viewers got of engines, and the verdicts on engines that play nothing. Engines that have ended stay as long as their
 * attempts count, because others are compared with them. Kept in memory, unknown after a restart.
 */
export class PlaybackFacts {
  readonly #engines = new Map<string, EnginePlayback>()
  #standings: ReadonlyMap<string, Standing> = new Map()
  readonly #news: Emitter
  #version = 0

  /** `onError` receives the errors of listeners. */
  constructor(onError: OnError) {
    this.#news = new Emitter(onError)
  }

  /** Grows with every change of a verdict. */
  version(): number {
    return this.#version
  }

  /** Calls `listener` when a verdict changed. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** Adds an attempt. Another one with the same record replaces it. */
  note(engineId: string, node: string | null, attempt: Attempt): void {
    const before = this.#engines.get(engineId)?.attempts ?? []
    const others = before.filter(({ record }) => record !== attempt.record)
    const attempts = [...others, attempt].slice(-ATTEMPTS_MAX)
    // An engine that is named last is forgotten last.
    this.#engines.delete(engineId)
    this.#engines.set(engineId, { node, attempts })
    const [oldest] = this.#engines.keys()
    if (this.#engines.size > ENGINES_MAX && oldest !== undefined) this.#engines.delete(oldest)
  }

  /** Notes that a stream which is known to play has moved again. Returns false, with nothing changed, for any other. */
  movedAgain(engineId: string, record: number, atMs: number): boolean {
    const known = this.#engines.get(engineId)
    const before = known?.attempts.find((each) => each.record === record)
    if (known === undefined || before?.outcome !== 'played') return false
    this.note(engineId, known.node, { ...before, atMs })
    return true
  }

  engines(): ReadonlyMap<string, EnginePlayback> {
    return this.#engines
  }

  /** Forgets engines whose attempts are all too old to count. */
  forgetOld(nowMs: number): void {
    for (const [id, { attempts }] of this.#engines)
      if (attempts.every(({ atMs }) => nowMs - atMs >= ATTEMPTS_MAX_AGE_MS)) this.#engines.delete(id)
  }

  /** Replaces all verdicts. One that stays keeps the time since when it stands. */
  setStandings(next: ReadonlyMap<string, Omit<Standing, 'sinceMs'>>, nowMs: number): void {
    const before = this.#standings
    const after = new Map(
      [...next].map(([id, each]) => {
        const known = before.get(id)
        return [id, known !== undefined && isSame(known, each) ? known : { ...each, sinceMs: nowMs }] as const
      }),
    )
    if (after.size === before.size && [...after].every(([id, each]) => before.get(id) === each)) return
    this.#standings = after
    this.#version++
    this.#news.emit()
  }

  /** The verdict on this start of an engine; null if there is nothing against it. */
  standing(engineId: string, generation: number): Standing | null {
    const standing = this.#standings.get(engineId)
    return standing?.generation === generation ? standing : null
  }

  /** Since when and why this start of the engine is known to play nothing; null if it is not. */
  playsNothing(engineId: string, generation: number): Standing | null {
    const standing = this.standing(engineId, generation)
    return standing?.verdict === 'plays_nothing' ? standing : null
  }
}

const isSame = (a: Omit<Standing, 'sinceMs'>, b: Omit<Standing, 'sinceMs'>): boolean =>
  a.verdict === b.verdict && a.reason === b.reason && a.generation === b.generation
