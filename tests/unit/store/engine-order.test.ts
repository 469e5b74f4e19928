import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Engine } from '../../../src/core/types.ts'
import {
  bootingEngine,
  claimableEngine,
  insertEngine,
  liveEngines,
  liveEnginesAt,
} from '../../../src/store/engines.ts'
import { engine } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'

let temp: TempStore
beforeEach(() => {
  temp = tempStore()
})
afterEach(() => temp.dispose())

const { requestHash, configHash, hostHttpPort } = engine()

/** Stores engines that are like this one, neither in the order of their age nor in the opposite one. */
function store(change: Partial<Engine>): void {
  const made = [3_000, 1_000, 2_000].map((createdAt) =>
    engine({ ...change, id: `of ${createdAt}`, name: `of ${createdAt}`, containerId: null, createdAt }),
  )
  temp.store.transact((tx) => {
    for (const each of made) insertEngine(tx, each)
  })
}

const OLDEST_FIRST = ['of 1000', 'of 2000', 'of 3000']
const idsOf = (engines: readonly Engine[]): string[] => engines.map(({ id }) => id)

test('live engines are read oldest first, all of them and those of a port', () => {
  store({})
  expect(idsOf(liveEngines(temp.store.db))).toEqual(OLDEST_FIRST)
  expect(idsOf(liveEnginesAt(temp.store.db, [hostHttpPort], null))).toEqual(OLDEST_FIRST)
})

test('of unclaimed engines the oldest usable one is given away', () => {
  store({ unclaimedSince: 5_000 })
  const { db } = temp.store
  expect(claimableEngine(db, requestHash, null, () => true)?.id).toBe('of 1000')
  expect(claimableEngine(db, requestHash, null, ({ createdAt }) => createdAt > 1_000)?.id).toBe('of 2000')
})

test('of engines of our own that boot the oldest usable one is given away', () => {
  store({ status: 'starting', readyAt: null, handedOutAt: null })
  const { db } = temp.store
  expect(bootingEngine(db, { requestHash, configHash }, () => true)?.id).toBe('of 1000')
  expect(bootingEngine(db, { requestHash, configHash }, ({ createdAt }) => createdAt > 1_000)?.id).toBe(
    'of 2000',
  )
})
