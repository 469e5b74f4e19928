import { afterEach, beforeEach, expect, test } from 'bun:test'
import { DescriptorWatch } from '../../../src/control/housekeeping/descriptor-watch.ts'
import { Warnings } from '../../../src/control/reporting/warnings.ts'
import { limitIn, ownDescriptors } from '../../../src/lib/descriptors.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/* What happens when clients leave no file descriptors for our own requests. */

let clock: VirtualClock
let warnings: Warnings
let watch: DescriptorWatch
let left: number
let idle: number
let closed: string[]

beforeEach(() => {
  clock = new VirtualClock()
  const nothing = () => undefined
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const onError = (error: unknown): never => {
    throw error
  }
  warnings = new Warnings({ clock, log, onError })
  left = 900
  idle = 0
  closed = []
  const connections = {
    closeIdle: () => {
      closed.push('idle')
      left += idle
    },
    closeAll: () => {
      closed.push('all')
      left = 900
    },
  }
  const descriptors = { limit: 1_000, left: () => left }
  watch = new DescriptorWatch({ clock, descriptors, connections, warnings, onError })
  watch.start()
})
afterEach(async () => {
  const stopped = watch.stop()
  await clock.advance(500)
  await stopped
})

const codes = (): string[] => warnings.standing().map(({ code }) => code)

test('idle connections are closed where few descriptors are left, and no others if that is enough', async () => {
  await clock.advance(10_000)
  expect([closed, codes()]).toEqual([[], []])
  left = 63
  idle = 100
  await clock.advance(500)
  expect([closed, codes()]).toEqual([['idle'], ['descriptors_short']])
})

test('all are closed where idle ones are not the trouble, and it is told for a minute', async () => {
  left = 0
  await clock.advance(500)
  expect(closed).toEqual(['idle', 'all'])
  await clock.advance(59_000)
  expect(codes()).toEqual(['descriptors_short'])
  await clock.advance(1_500)
  expect([closed.length, codes()]).toEqual([2, []])
})

test('the limit is the one in force', () => {
  const text =
    'Limit   Soft Limit   Hard Limit   Units\nMax open files            64                   128        files\n'
  expect(limitIn(text)).toBe(64)
  expect(limitIn('Max open files            unlimited            unlimited            files')).toBeNull()
  const own = ownDescriptors()
  expect(own?.left()).toBeLessThan(own?.limit ?? 0)
  expect(own?.left()).toBeGreaterThan(0)
})
