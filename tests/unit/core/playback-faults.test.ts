import { describe, expect, test } from 'bun:test'
import {
  ATTEMPTS_MAX_AGE_MS,
  type Attempt,
  type EngineAttempts,
  playbackVerdicts,
} from '../../../src/core/engines/playback-faults.ts'

const NOW = 100_000_000
const STEP_MS = 10_000

/** A fleet to which attempts come one after another, ten seconds apart. */
class Attempts {
  readonly #of = new Map<string, Attempt[]>()
  readonly #ended = new Set<string>()
  readonly #nodes = new Map<string, string>()
  #record = 0
  nowMs = NOW

  constructor(...engines: readonly string[]) {
    for (const engine of engines) this.#of.set(engine, [])
  }

  add(engine: string, content: string, outcome: Attempt['outcome']): this {
    const fromMs = this.nowMs
    this.nowMs += STEP_MS
    this.#of.get(engine)?.push({ record: ++this.#record, content, outcome, fromMs, atMs: this.nowMs })
    return this
  }

  /** The content began to play long ago and still does. */
  playing(engine: string, content: string): this {
    this.#of
      .get(engine)
      ?.push({ record: ++this.#record, content, outcome: 'played', fromMs: 0, atMs: this.nowMs })
    return this
  }

  behind(node: string, ...engines: readonly string[]): this {
    for (const engine of engines) this.#nodes.set(engine, node)
    return this
  }

  end(engine: string): this {
    this.#ended.add(engine)
    return this
  }

  engines(startedMs = 0): readonly EngineAttempts[] {
    return [...this.#of].map(([engineId, attempts]) => ({
      engineId,
      node: this.#nodes.get(engineId) ?? null,
      startedMs: this.#ended.has(engineId) ? Number.POSITIVE_INFINITY : startedMs,
      attempts,
    }))
  }

  verdicts(startedMs = 0): Record<string, string> {
    return Object.fromEntries(playbackVerdicts(this.engines(startedMs), this.nowMs))
  }
}

/**
 * Sends viewers to the engines in turn, as a proxy does that takes the one whose last use is longest ago, and passes over
 * those that are judged as long as there are others. Returns how many viewers met the engine `sick`, and the verdicts.
 */
function inTurn(
  engines: readonly string[],
  viewers: number,
  { sick = [], contentOf }: { sick?: readonly string[]; contentOf: (viewer: number) => string },
) {
  const fleet = new Attempts(...engines)
  const met = new Map(engines.map((engine) => [engine, 0]))
  let order = [...engines]
  for (let viewer = 0; viewer < viewers; viewer++) {
    const verdicts = fleet.verdicts()
    const chosen = order.find((engine) => verdicts[engine] === undefined) ?? order[0] ?? ''
    order = [...order.filter((engine) => engine !== chosen), chosen]
    met.set(chosen, (met.get(chosen) ?? 0) + 1)
    const content = contentOf(viewer)
    fleet.add(chosen, content, sick.includes(chosen) || content.startsWith('dead') ? 'nothing' : 'played')
  }
  return { met: Object.fromEntries(met), verdicts: fleet.verdicts() }
}

const distinct = (viewer: number): string => `content-${viewer}`

describe('viewers one after another', () => {
  test.each([2, 3, 4, 8])('find out one sick engine of %d after three or four of them', (size) => {
    const engines = Array.from({ length: size }, (_, index) => `e${index}`)
    for (const sick of engines) {
      const { met, verdicts } = inTurn(engines, 30, { sick: [sick], contentOf: distinct })
      expect(met[sick]).toBeLessThanOrEqual(size === 2 ? 4 : 3)
      expect(verdicts).toEqual({ [sick]: 'plays_nothing' })
    }
  })

  test.each([1, 2, 3, 4, 5])('find it out if they share %d contents', (contents) => {
    for (const sick of ['e0', 'e1', 'e2']) {
      const contentOf = (viewer: number) => `content-${viewer % contents}`
      const { met, verdicts } = inTurn(['e0', 'e1', 'e2'], 30, { sick: [sick], contentOf })
      expect(met[sick]).toBeLessThanOrEqual(6)
      expect(verdicts).toEqual({ [sick]: 'plays_nothing' })
    }
  })

  test('accuse nobody with 180 dead contents on four good engines', () => {
    const engines = ['e0', 'e1', 'e2', 'e3']
    for (let viewer = 1; viewer <= 180; viewer++)
      expect(inTurn(engines, viewer, { contentOf: (index) => `dead-${index}` }).verdicts).toEqual({})
  })

  test('accuse nobody with three dead contents in four between good ones', () => {
    const engines = ['e0', 'e1', 'e2', 'e3']
    const contentOf = (viewer: number) => (viewer % 7 < 5 ? `dead-${viewer}` : `content-${viewer}`)
    for (let viewer = 1; viewer <= 180; viewer++)
      expect(Object.values(inTurn(engines, viewer, { contentOf }).verdicts)).not.toContain('plays_nothing')
  })

  test('accuse nobody when all engines are sick', () => {
    const engines = ['e0', 'e1', 'e2', 'e3']
    expect(inTurn(engines, 60, { sick: engines, contentOf: distinct }).verdicts).toEqual({})
  })

  test('accuse nobody when there is a single engine', () => {
    expect(inTurn(['e0'], 60, { sick: ['e0'], contentOf: distinct }).verdicts).toEqual({})
  })
})

describe('the only free engine', () => {
  test('is not judged by a list of dead contents while the others play for hours', () => {
    const fleet = new Attempts('free', 'a', 'b', 'c').playing('a', 'x').playing('b', 'y').playing('c', 'z')
    for (let index = 0; index < 60; index++) fleet.add('free', `dead-${index}`, 'nothing')
    expect(fleet.verdicts()).toEqual({ free: 'doubtful' })
  })

  test('is not judged if a few viewers come to the others meanwhile', () => {
    const fleet = new Attempts('free', 'a', 'b')
    for (let index = 0; index < 60; index++) {
      fleet.add('free', `dead-${index}`, 'nothing')
      if (index % 10 === 9) fleet.add('a', `content-${index}`, 'played')
    }
    expect(fleet.verdicts()).toEqual({ free: 'doubtful' })
  })

  test('is judged by contents that play on the others meanwhile', () => {
    const fleet = new Attempts('free', 'a', 'b', 'c').playing('a', 'x').playing('b', 'y').playing('c', 'z')
    for (const content of ['x', 'y', 'z']) fleet.add('free', content, 'nothing')
    for (const [engine, content] of [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'z'],
    ] as const)
      fleet.playing(engine, content)
    expect(fleet.verdicts()).toEqual({ free: 'plays_nothing' })
  })
})

describe('what counts', () => {
  const beside = (fleet: Attempts, plays = 20): Attempts => {
    for (let index = 0; index < plays; index++) fleet.add('good', `played-${index}`, 'played')
    return fleet
  }
  const sickAnd = (...contents: readonly string[]): Attempts => {
    const fleet = new Attempts('sick', 'good')
    for (const content of contents) fleet.add('sick', content, 'nothing')
    return fleet
  }

  test('two contents are too few, three are enough', () => {
    expect(beside(sickAnd('a', 'b')).verdicts()).toEqual({})
    expect(beside(sickAnd('a', 'b', 'c')).verdicts()).toEqual({ sick: 'plays_nothing' })
  })

  test('a content that is tried again and again is one', () => {
    const fleet = beside(sickAnd('a', 'a', 'a', 'a', 'a', 'b'))
    expect(fleet.verdicts()).toEqual({ sick: 'doubtful' })
    expect(fleet.add('good', 'a', 'nothing').verdicts()).toEqual({})
  })

  test('tries of one content at once are one, also if it plays elsewhere later', () => {
    const fleet = sickAnd('a', 'a', 'a', 'a').add('good', 'a', 'played')
    expect(beside(fleet).verdicts()).toEqual({})
    for (let time = 0; time < 2; time++) fleet.add('sick', 'a', 'nothing').add('good', 'a', 'played')
    expect(fleet.verdicts()).toEqual({ sick: 'plays_nothing' })
  })

  test('a content that came to nothing on another engine, too, is none', () => {
    const fleet = sickAnd('a', 'b', 'c').add('good', 'a', 'nothing')
    expect(beside(fleet).verdicts()).toEqual({})
  })

  test('an engine that has played since is well', () => {
    const fleet = beside(sickAnd('a', 'b', 'c')).add('sick', 'd', 'played')
    expect(fleet.verdicts()).toEqual({})
    expect(fleet.add('sick', 'e', 'nothing').add('sick', 'f', 'nothing').verdicts()).toEqual({
      sick: 'doubtful',
    })
  })

  test('what the others played before the first of them counts for nothing', () => {
    const fleet = new Attempts('sick', 'good')
    beside(fleet)
    for (const content of ['a', 'b', 'c', 'd']) fleet.add('sick', content, 'nothing')
    expect(fleet.verdicts()).toEqual({ sick: 'doubtful' })
  })

  test('nothing counts after half an hour', () => {
    const fleet = beside(sickAnd('a', 'b', 'c'))
    fleet.nowMs = NOW + ATTEMPTS_MAX_AGE_MS + STEP_MS
    expect(fleet.verdicts()).toEqual({})
  })

  test('nothing counts from before the start of the process', () => {
    expect(beside(sickAnd('a', 'b', 'c')).verdicts(NOW + 3 * STEP_MS)).toEqual({})
  })

  test('engines behind another node are not compared with', () => {
    const fleet = beside(sickAnd('a', 'b', 'c')).behind('gluetun-2', 'sick')
    expect(fleet.verdicts()).toEqual({})
  })

  test('an engine that has ended is compared with, beside a live one, and not judged', () => {
    expect(
      beside(sickAnd('a', 'b', 'c'))
        .end('sick')
        .verdicts(),
    ).toEqual({})
    expect(
      beside(sickAnd('a', 'b', 'c'))
        .end('good')
        .verdicts(),
    ).toEqual({})
    const fleet = new Attempts('sick', 'good', 'other')
    for (const content of ['a', 'b', 'c']) fleet.add('sick', content, 'nothing')
    expect(beside(fleet).end('good').verdicts()).toEqual({ sick: 'plays_nothing' })
  })
})
