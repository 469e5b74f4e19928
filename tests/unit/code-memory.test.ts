import { numberOfDFGCompiles } from 'bun:jsc'
import { afterEach, expect, test } from 'bun:test'
import { boundCodeMemory } from '../../src/code-memory.ts'
import { settled, VirtualClock } from '../support/virtual-clock.ts'

afterEach(() => Bun.unsafe.setJITPolicy(1))

test('a process that rests forgets compiled functions', async () => {
  const sum = (count: number): number => {
    let total = 0
    for (let n = 0; n < count; n++) total += n
    return total
  }
  // It is compiled by another thread. The test's timeout needs a turn to come.
  while (numberOfDFGCompiles(sum) === 0) {
    sum(10_000)
    await settled()
  }
  const clock = new VirtualClock()
  const errors: unknown[] = []
  boundCodeMemory(clock, (error) => errors.push(error))
  await clock.advance(29_999)
  expect(numberOfDFGCompiles(sum)).toBeGreaterThan(0)
  await clock.advance(1)
  await settled()
  // Bun does it as soon as nothing runs, and not while it collects garbage: then the next rest has to do it.
  while (numberOfDFGCompiles(sum) > 0 && errors.length === 0) await clock.advance(30_000)
  expect(errors).toEqual([])
})
