import { type Expected, expectedOn, isExpected } from '../../core/proxies/expected.ts'
import { type Engine, generationOf } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'

/** The choice of an engine from a list. */
interface Choice {
  /** The start of the engine that was chosen: nobody gets a stream of an earlier one. */
  readonly generation: number
  readonly atMs: number
}

/**
 * Whether a choice was made of this start of an engine: it was known then, or the engine had started by then, which may be
 * learnt much later.
 */
const isOfStart = ({ generation, atMs }: Choice, startMs: number): boolean =>
  generation === startMs || atMs >= startMs

/** How many choices count on one engine. */
const CHOICES_MAX = 16

/**
 * The streams that are about to be reported: proxies choose an engine, or are given one, long before they report a stream on
 * it. Choices are kept in memory and forgotten at a restart; what a POST gave stands in the engine's row.
 */
export class ExpectedStreams {
  readonly #choices = new Map<string, readonly Choice[]>()
  readonly #news: Emitter
  #version = 0

  constructor(
    private readonly clock: Clock,
    onError: OnError,
  ) {
    this.#news = new Emitter(onError)
  }

  /** Grows with every choice, and when one is over. It does not grow when only time ends one. */
  version(): number {
    return this.#version
  }

  /** Calls `listener` when a proxy chose, or a choice is over. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** What is expected on an engine; null if nothing is. */
  of(engine: Engine): Expected | null {
    const choices = this.#choices.get(engine.id)?.filter((each) => isOfStart(each, generationOf(engine)))
    return expectedOn(engine, choices?.map(({ atMs }) => atMs) ?? [], this.clock.now())
  }

  /** Notes that a proxy has chosen the engine. */
  chosen(engine: Engine): void {
    this.#forgetOld()
    const before = this.#choices.get(engine.id) ?? []
    const choice = { generation: generationOf(engine), atMs: this.clock.now() }
    this.#choices.set(engine.id, [...before, choice].slice(-CHOICES_MAX))
    this.#changed()
  }

  /** Notes that a stream on the engine was reported, or failed: the earliest choice is over. */
  reported(engineId: string): void {
    const rest = this.#choices.get(engineId)?.slice(1)
    if (rest === undefined) return
    this.#keep(engineId, rest)
    this.#changed()
  }

  #forgetOld(): void {
    const nowMs = this.clock.now()
    for (const [id, choices] of this.#choices)
      this.#keep(
        id,
        choices.filter(({ atMs }) => isExpected(atMs, nowMs)),
      )
  }

  #keep(engineId: string, choices: readonly Choice[]): void {
    if (choices.length === 0) this.#choices.delete(engineId)
    else this.#choices.set(engineId, choices)
  }

  #changed(): void {
    this.#version++
    this.#news.emit()
  }
}
