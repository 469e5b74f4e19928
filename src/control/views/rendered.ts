import type { Clock } from '../../lib/clock.ts'

/** A part of the state. Its version grows with every change that an answer could show. */
export interface Versioned {
  version(): number
}

/**
 * For how long an answer is kept while no version changes, in milliseconds. Time alone changes ages, remaining seconds and
 * timestamps, so these are at most that old.
 */
const KEPT_MS = 100

/**
 * One answer, rendered again when a part of the state that it shows has changed, and otherwise when time alone may have
 * changed it. Proxies, panels and probes ask far more often than that.
 */
export class Rendered<Answer> {
  #kept: { readonly version: number; readonly untilMs: number; readonly answer: Answer } | null = null

  constructor(
    private readonly deps: {
      readonly clock: Clock
      /** Every part of the state that the answer shows. */
      readonly sources: readonly Versioned[]
      readonly render: () => Answer
      /** When time alone changes an answer that is rendered now; after `KEPT_MS` if this is missing. */
      readonly untilMs?: (answer: Answer, nowMs: number) => number
    },
  ) {}

  /** The answer as of now. Throws what rendering throws. */
  read(): Answer {
    const { clock, render, untilMs = soon } = this.deps
    // The version is read first: a change during the rendering is rendered next time.
    const version = this.#version()
    const nowMs = clock.now()
    if (this.#kept?.version === version && nowMs < this.#kept.untilMs) return this.#kept.answer
    const answer = render()
    this.#kept = { version, untilMs: untilMs(answer, nowMs), answer }
    return answer
  }

  /** Each version only grows, so the sum changes if one of them does. */
  #version(): number {
    let sum = 0
    for (const source of this.deps.sources) sum += source.version()
    return sum
  }
}

const soon = (_: unknown, nowMs: number): number => nowMs + KEPT_MS
