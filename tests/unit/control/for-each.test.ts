import { expect, test } from 'bun:test'
import { forEach } from '../../../src/lib/for-each.ts'
import { settled } from '../../support/virtual-clock.ts'

test('work for each is done for some at a time, until one fails, and ends before the error is thrown', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>())
  const all = forEach([0, 1, 2, 3, 4], 2, async (item) => {
    begun.push(item)
    await gates[item]?.promise
    ended.push(item)
  })
  const outcome = all.catch((error: unknown) => error)
  await settled()
  expect(begun).toEqual([0, 1])
  gates[0]?.resolve()
  await settled()
  expect(begun).toEqual([0, 1, 2])
  gates[1]?.reject(new Error('failed'))
  await settled()
  expect(begun).toEqual([0, 1, 2])
  expect(ended).toEqual([0])
  gates[2]?.resolve()
  expect(await outcome).toEqual(new Error('failed'))
  expect(ended).toEqual([0, 2])
})
