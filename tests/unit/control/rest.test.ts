import { expect, test } from 'bun:test'
import { watchOfRest } from '../../../src/lib/rest.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const INTERVAL_MS = 30_000

function watched() {
  const clock = new VirtualClock()
  let spentMs = 1_000
  let rests = 0
  const errors: unknown[] = []
  const loop = watchOfRest({
    clock,
    processorMs: () => spentMs,
    atRest: () => {
      rests++
    },
    onError: (error) => errors.push(error),
  })
  loop.start()
  return {
    rests: () => rests,
    errors,
    stop: () => loop.stop(),
    spend: async (workMs: number) => {
      spentMs += workMs
      await clock.advance(INTERVAL_MS)
    },
  }
}

test('half a minute in which the process took a twentieth of a processor or less is a rest', async () => {
  const { rests, errors, spend, stop } = watched()
  await spend(500)
  expect(rests()).toBe(1)
  await spend(1_500)
  expect(rests()).toBe(2)
  await stop()
  expect(errors).toEqual([])
})

test('busier time is none, and the next is judged by itself', async () => {
  const { rests, spend, stop } = watched()
  await spend(1_501)
  await spend(30_000)
  expect(rests()).toBe(0)
  await spend(100)
  expect(rests()).toBe(1)
  await stop()
})
