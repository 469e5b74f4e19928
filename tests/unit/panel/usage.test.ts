import { describe, expect, test } from 'bun:test'
import type { EngineUse } from '../../../src/panel/api/types.ts'
import { arranged, sortOf } from '../../../src/panel/reading/engine-list.ts'
import {
  cpuWords,
  freshUse,
  limitWords,
  memoryWords,
  useOf,
  usePoints,
} from '../../../src/panel/reading/usage.ts'
import { Poll } from '../../../src/panel/state/poll.ts'
import { UseRings } from '../../../src/panel/state/use-rings.ts'
import { agoText, anEngine, NOW_MS } from '../../support/panel-builders.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

const MIB = 1_048_576
const aUse = (name: string, change: Partial<EngineUse> = {}): EngineUse => ({
  container_id: `id-${name}`,
  container_name: name,
  collected_at: agoText(5_000),
  cpu: { cores: 0.25, limit_cores: null, share: null },
  memory: { bytes: 150 * MIB, limit_bytes: null, share: null },
  ...change,
})
const cores = (value: number): Pick<EngineUse, 'cpu'> => ({
  cpu: { cores: value, limit_cores: null, share: null },
})

describe('what an engine uses', () => {
  test.each([
    ['fresh', {}, { cores: 0.25, bytes: 150 * MIB }],
    ['30 s old', { collected_at: agoText(30_000) }, { cores: 0.25, bytes: 150 * MIB }],
    ['older than 30 s', { collected_at: agoText(30_001) }, { cores: null, bytes: null }],
    ['never collected', { collected_at: null, cpu: null, memory: null }, { cores: null, bytes: null }],
    ['collected once', { cpu: null }, { cores: null, bytes: 150 * MIB }],
  ])('is known only where it is true of now: %s', (_, change, use) => {
    expect(useOf(freshUse([aUse('a', change)], NOW_MS), 'id-a')).toEqual(use)
  })

  test('may be older where there are so many engines that a round of questions takes longer', () => {
    const uses = Array.from({ length: 200 }, (_, n) => aUse(String(n), { collected_at: agoText(50_000) }))
    expect(freshUse(uses, NOW_MS).size).toBe(200)
    expect(freshUse(uses, NOW_MS + 60_000).size).toBe(0)
  })

  test('of a container that nobody knows is not known', () => {
    expect(useOf(new Map(), null)).toEqual({ cores: null, bytes: null })
  })

  test.each([
    [null, '–'],
    [0, '0.0 %'],
    [0.0042, '0.4 %'],
    [0.25, '25 %'],
    [1.987, '199 %'],
  ])('of processors is told in percent of one core: %p', (value, words) =>
    expect(cpuWords(value)).toBe(words),
  )

  test.each([
    [null, '–'],
    [6.5 * MIB, '6.5 MiB'],
    [150.4 * MIB, '150 MiB'],
    [2_048 * MIB, '2048 MiB'],
  ])('of memory is told in MiB: %p', (value, words) => expect(memoryWords(value)).toBe(words))

  test('may have limits', () => {
    expect(limitWords(aUse('a'))).toBeNull()
    const cpu = { cores: 0, limit_cores: 1, share: 0 }
    const memory = { bytes: 1, limit_bytes: 256 * MIB, share: 0 }
    expect(limitWords({ cpu, memory })).toBe('It may use 1 core and 256 MiB.')
    expect(limitWords({ cpu: { ...cpu, limit_cores: 1.5 }, memory: null })).toBe('It may use 1.5 cores.')
  })

  test('is a chart of percent and MiB, where what is missing is no zero', () => {
    expect(usePoints([aUse('a', { collected_at: null }), aUse('a', { cpu: null }), aUse('a')])).toEqual([
      { atMs: NOW_MS - 5_000, percent: null, mib: 150 },
      { atMs: NOW_MS - 5_000, percent: 25, mib: 150 },
    ])
  })
})

describe('the list of the engines', () => {
  const engines = new Map(['a', 'b', 'c', 'd'].map((name) => [name, anEngine(name)]))
  const uses = freshUse([aUse('a', cores(0.5)), aUse('b', cores(2)), aUse('d', cores(0))], NOW_MS)

  test.each([
    ['cpu', ['d', 'a', 'b', 'c']],
    ['-cpu', ['b', 'a', 'd', 'c']],
    ['memory', ['a', 'b', 'd', 'c']],
  ])('is sorted by %s, and has those of which nothing is known last', (by, order) => {
    expect(arranged(engines, sortOf(by), uses).ids).toEqual(order)
  })

  test('is in the order of names while no figures are known', () => {
    expect(arranged(engines, sortOf('cpu')).ids).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('what is kept of what engines used', () => {
  test('is each collection once', () => {
    const rings = new UseRings()
    rings.add('a', aUse('a'))
    rings.add('a', aUse('a'))
    rings.add('a', aUse('a', { collected_at: null }))
    rings.add('a', aUse('a', { collected_at: agoText(0) }))
    expect(rings.of('a').value.map(({ collected_at }) => collected_at)).toEqual([agoText(5_000), agoText(0)])
  })

  test('has a bound for each engine, and for the number of engines', () => {
    const rings = new UseRings()
    for (let n = 0; n < 1_000; n++) rings.add('a', aUse('a', { collected_at: agoText(n) }))
    expect(rings.of('a').value).toHaveLength(720)
    for (let n = 0; n < 7; n++) rings.add(String(n), aUse('x'))
    expect(rings.of('a').value).toHaveLength(720)
    for (let n = 0; n < 8; n++) rings.add(String(n), aUse('x'))
    expect(rings.of('a').value).toEqual([])
  })
})

describe('a question that is asked again and again', () => {
  test('is not asked while nobody sees the page, and never twice at a time', async () => {
    const clock = new VirtualClock()
    let [asked, isSeen] = [0, true]
    const answers: number[] = []
    const poll = new Poll({
      ask: () => (++asked === 2 ? Promise.reject(new Error('no answer')) : Promise.resolve(asked)),
      onAnswer: (answer) => answers.push(answer),
      everyMs: 5_000,
      after: (ms, work) => clock.after(ms, work),
      isSeen: () => isSeen,
    })
    poll.start()
    await clock.advance(11_000)
    expect(answers).toEqual([1, 3])
    isSeen = false
    await clock.advance(60_000)
    expect(asked).toBe(3)
    isSeen = true
    poll.start()
    poll.start()
    await settled()
    expect([answers, clock.timers()]).toEqual([[1, 3, 5], 1])
    poll.stop()
    await clock.advance(60_000)
    expect([asked, clock.timers()]).toEqual([5, 0])
  })
})
