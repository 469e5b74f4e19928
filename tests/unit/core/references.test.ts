import { describe, expect, test } from 'bun:test'
import { referred } from '../../../src/core/containers/references.ts'

const A = `abcdef012345${'0'.repeat(52)}`
const B = `abcdef012345${'1'.repeat(52)}`
const C = 'c'.repeat(64)
/** A service of a swarm. */
const S = 'vyqu0zbsi37tsw6m3ixrnfqhf'
const THINGS = [
  { exact: ['row-1', 'acestream-1'], containerId: A },
  { exact: ['row-2', 'acestream-2'], containerId: B },
  { exact: ['row-3', 'cafe'], containerId: C },
  { exact: ['row-5', 'acestream-5'], containerId: S },
  // The engine's container is not created yet.
  { exact: ['row-4', 'acestream-4'], containerId: null },
]
const find = (text: string) => referred(THINGS, text, (thing) => thing)

describe('a text names', () => {
  test.each([
    [A, 0],
    [B, 1],
    ['acestream-2', 1],
    ['row-3', 2],
    ['acestream-4', 4],
    [S, 3],
    [S.slice(0, 12), 3],
    [A.slice(0, 13), 0],
    [C.slice(0, 12), 2],
    [C.slice(0, 63), 2],
    // Shorter than an id may be, but a complete name.
    ['cafe', 2],
  ])('%s: one', (text, at) => {
    const value = THINGS[at]
    if (value === undefined) throw new Error('no such thing')
    expect(find(text)).toEqual({ kind: 'one', value })
  })

  test.each(['', 'acestream', 'dddddddddddd', 'd', `${A}0`, C.slice(0, 12).toUpperCase(), 'acestream-1 '])(
    '"%s": none',
    (text) => expect(find(text)).toEqual({ kind: 'none' }),
  )

  test.each(['c', C.slice(0, 11), 'abcdef', S.slice(0, 11)])('%s: too little of an id', (text) =>
    expect(find(text)).toEqual({ kind: 'short' }),
  )

  test('several, where their ids begin with it', () =>
    expect(find(A.slice(0, 12))).toEqual({ kind: 'ambiguous' }))

  test('the one that has it as its whole name, also where another id begins with it', () => {
    const named = { exact: [A.slice(0, 12)], containerId: C }
    expect(referred([...THINGS, named], A.slice(0, 12), (thing) => thing)).toEqual({
      kind: 'one',
      value: named,
    })
  })
})
