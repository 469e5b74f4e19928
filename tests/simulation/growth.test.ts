import { expect, test } from 'bun:test'
import { growth } from './growth.ts'

const MB = 2 ** 20
const looks = (heaps: readonly number[]) => heaps.map((heap) => ({ heap: heap * MB, rss: 200 * MB }))

test('memory that went up at first and stays is flat; one that goes on is not', () => {
  expect(growth(looks([10, 40, 60, 60, 61, 60, 62, 60]))).toEqual([])
  expect(growth(looks([10, 20, 30, 40, 50, 60, 70, 80]))).toEqual([
    'the heap has grown: 50.0 MB, and 70.0 MB in the last quarter',
  ])
})

test('pages that are not given back yet are no growth', () => {
  // Such sizes were measured beside a process that took one of two processors.
  const rss = [195, 198, 198, 199, 200, 199, 227, 248, 251, 262, 206, 200].map((size) => size * MB)
  const measured = [...rss.slice(0, 6), ...rss.slice(0, 6), ...rss]
  expect(growth(measured.map((size) => ({ heap: 60 * MB, rss: size })))).toEqual([])
  const kept = measured.map((size, at) => ({ heap: 60 * MB, rss: size + (at < 18 ? 0 : 20 * MB) }))
  expect(growth(kept)).toEqual(['the RSS has grown: 195.0 MB, and 220.0 MB in the last quarter'])
})
