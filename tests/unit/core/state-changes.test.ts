import { expect, test } from 'bun:test'
import { type State, stateChanges } from '../../../src/core/feed/state-changes.ts'

const states = (...entries: [string, string, string][]): ReadonlyMap<string, State> =>
  new Map(entries.map(([key, json, compared]) => [key, { json, compared }]))

test('what is compared decides what is new, not what is shown', () => {
  const before = states(['a', '1', 'x'], ['b', '1', 'x'], ['c', '1', 'x'])
  const after = states(['a', '2', 'x'], ['b', '2', 'y'], ['d', '1', 'z'])
  const { changed, gone } = stateChanges(before, after)
  expect(changed).toEqual([
    ['b', { json: '2', compared: 'y' }],
    ['d', { json: '1', compared: 'z' }],
  ])
  expect(gone).toEqual([['c', { json: '1', compared: 'x' }]])
  expect(stateChanges(after, after)).toEqual({ changed: [], gone: [] })
})
