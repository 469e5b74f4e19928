import { beforeEach, describe, expect, test } from 'bun:test'
import { KeyReader, type Press } from '../../../src/panel/state/keys.ts'

let reader: KeyReader
beforeEach(() => {
  reader = new KeyReader()
})

const press = (key: string, change: Partial<Press> = {}): Press => ({
  ...{ key, isChord: false, isRepeated: false, place: 'page' },
  ...change,
})
const read = (key: string, change: Partial<Press> = {}, nowMs = 0) =>
  reader.read(press(key, change), true, nowMs)

describe('single keys', () => {
  test.each([
    ['/', { act: 'find' }],
    ['j', { act: 'move', by: 1 }],
    ['k', { act: 'move', by: -1 }],
    ['t', { act: 'times' }],
    ['?', { act: 'help' }],
    ['Escape', { act: 'clear' }],
    ['x', null],
    ['T', null],
    ['Enter', null],
  ] as const)('%s', (key, act) => {
    expect(read(key)).toEqual(act)
  })

  const LETTERS = ['/', 'j', 'k', 't', '?'] as const
  test.each(LETTERS)('%s is only a letter in a text, and nothing with a modifier or in a dialog', (key) => {
    expect(read(key, { place: 'text' })).toBeNull()
    expect(read(key, { place: 'search' })).toBeNull()
    expect(read(key, { isChord: true })).toBeNull()
    expect(read(key, { place: 'dialog' })).toBeNull()
  })

  test('do nothing while they are switched off, apart from Escape', () => {
    for (const key of LETTERS) expect(reader.read(press(key), false, 0)).toBeNull()
    reader.read(press('g'), false, 0)
    expect(reader.read(press('j'), false, 0)).toBeNull()
    expect(reader.read(press('Escape', { place: 'text' }), false, 0)).toEqual({ act: 'clear' })
  })

  test('Enter goes from what is searched for to what was found, whatever is switched off', () => {
    expect(reader.read(press('Enter', { place: 'search' }), false, 0)).toEqual({ act: 'found' })
  })

  test('that are held down go on from row to row, and do nothing else again', () => {
    expect(read('j', { isRepeated: true })).toEqual({ act: 'move', by: 1 })
    expect(read('t', { isRepeated: true })).toBeNull()
  })
})

describe('g and a letter', () => {
  test.each([
    ['o', 'overview'],
    ['j', 'journal'],
    ['p', 'plan'],
  ])('%s go to the page', (key, page) => {
    expect(read('g')).toBeNull()
    expect(read(key)).toEqual({ act: 'go', page })
  })

  test('another letter does nothing, and the one after it is read as always', () => {
    read('g')
    expect(read('t')).toBeNull()
    expect(read('t')).toEqual({ act: 'times' })
  })

  test('a g is forgotten after a while, and not because of Shift', () => {
    read('g')
    expect(read('j', {}, 1_500)).toEqual({ act: 'move', by: 1 })
    read('g')
    expect(read('Shift')).toBeNull()
    expect(read('o')).toEqual({ act: 'go', page: 'overview' })
  })
})
