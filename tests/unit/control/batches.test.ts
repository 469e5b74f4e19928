import { expect, test } from 'bun:test'
import { Batches } from '../../../src/lib/batches.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/** Batches of numbers, of which the negative ones fail. */
function numbers() {
  const handled: (readonly number[])[] = []
  const batches = new Batches<number>(new VirtualClock(), (items) => {
    if (items.some((item) => item < 0)) throw new Error(`not ${items.join()}`)
    handled.push(items)
  })
  return { batches, handled }
}

test('what comes before the next task is one batch, and what comes later another', async () => {
  const { batches, handled } = numbers()
  const first = [batches.add(1), batches.add(2)]
  expect(handled).toEqual([])
  await Promise.all(first)
  await batches.add(3)
  expect(handled).toEqual([[1, 2], [3]])
})

test('an item that fails takes none of its batch with it', async () => {
  const { batches, handled } = numbers()
  const outcomes = await Promise.allSettled([batches.add(1), batches.add(-2), batches.add(3)])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(outcomes[1]).toMatchObject({ reason: { message: 'not -2' } })
  expect(handled).toEqual([[1], [3]])
})
