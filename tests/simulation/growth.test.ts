import { expect, test } from 'bun:test'
import { growth } from './growth.ts'

const MB = 2 ** 20
const looks = (heaps: readonly number[]) => heaps.map((heap) => ({ heap: heap * MB, rss: 200 * MB }))

test('memory that went up at first and stays is flat; one that goes on is not', () => {
  expect(growth(looks([10, 40, 60, 60, 61, 60, 62, 60]))).toEqual([])
  expect(growth(looks([10, 20, 30, 40, 50, 60, 70, 80]))).toEqual([
    'the heap has grown: 55.0 MB, and 75.0 MB in the last quarter',
  ])
})
