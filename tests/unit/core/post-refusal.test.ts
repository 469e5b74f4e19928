import { describe, expect, test } from 'bun:test'
import { postRefusal } from '../../../src/core/provisioning/post-refusal.ts'
import {
  imageMissing,
  imagePulling,
  inProgress,
  noFreePort,
  permanent,
  REFUSAL_CODES,
  type Refusal,
  type RefusalCode,
  runtimeUnavailable,
  storageUnavailable,
  tooManyGeneric,
  vpnDisconnected,
} from '../../../src/core/provisioning/refusal.ts'

const waiting = (code: RefusalCode, etaSeconds: number): Refusal => ({
  code,
  message: 'why',
  blockedReason: null,
  etaSeconds,
  shouldWait: true,
})

const capacity = (etaSeconds: number) => waiting('max_capacity', etaSeconds)
const breaker = (etaSeconds: number) => waiting('circuit_breaker', etaSeconds)

describe('the answer of a POST names', () => {
  const etas: readonly (readonly [string, Refusal, Readonly<Record<number, number>>])[] = [
    ['at the cap a half', capacity(30), { 12: 6, 3: 1, 4: 2, 60: 30, 300: 150 }],
    ['at the cap a half, however short the grace is', capacity(1), { 12: 6, 3: 1 }],
    ['for the storage a half, at most 6 s', storageUnavailable('full'), { 12: 6, 3: 1, 11: 5, 60: 6 }],
    ['for a port a half, at most 30 s', noFreePort('all'), { 12: 6, 3: 1, 300: 30 }],
    ['for Docker a third, at most 5 s', runtimeUnavailable('gone'), { 12: 4, 3: 1, 300: 5 }],
    ['for the VPN two thirds', vpnDisconnected('down', 60), { 12: 8, 3: 2, 45: 30, 300: 60 }],
    ['for a VPN that is soon known its own time', vpnDisconnected('starting', 5), { 12: 5, 3: 2 }],
    ['for a pull two thirds', imagePulling('engine:1', 30), { 12: 8, 3: 2 }],
    ['for the end of a pull its own time', imagePulling('engine:1', 3), { 12: 3, 3: 2 }],
    ['for a pull that ends at any moment 1 s', imagePulling('engine:1', 0), { 12: 1, 3: 1 }],
    ['for an engine that is being started 2 s', inProgress, { 12: 2, 3: 2, 300: 2 }],
    ['for a breaker that lets the next one through soon its own time', breaker(8), { 12: 8, 300: 8 }],
  ]
  test.each(etas)('%s', (_, honest, expected) => {
    for (const [waitS, etaSeconds] of Object.entries(expected)) {
      expect(postRefusal(honest, Number(waitS))).toEqual({ ...honest, etaSeconds })
    }
  })
})

describe('the answer of a POST says not to wait and tells the honest time', () => {
  test.each([
    [9, 12],
    [300, 12],
    [3, 3],
    [201, 300],
  ])('with %d s left of a breaker, where a viewer waits %d s at most', (left, waitS) => {
    expect(postRefusal(breaker(left), waitS)).toEqual({ ...breaker(left), shouldWait: false })
    expect(postRefusal(breaker(left - 1), waitS).shouldWait).toBe(left - 1 <= (waitS * 2) / 3)
  })

  const lasting = [
    imageMissing('engine:1'),
    permanent('bad'),
    tooManyGeneric(1, 1),
    { ...capacity(60), shouldWait: false },
  ]
  test.each(lasting)('%j', (refusal) => {
    expect(postRefusal(refusal, 12)).toEqual(refusal)
  })
})

test('the three tries of acexy end in time, whatever reasons its answers have, and none is without a wait', () => {
  const honest = REFUSAL_CODES.flatMap((code) =>
    [1, 2, 3, 5, 6, 8, 9, 10, 30, 60, 300].map((eta) => waiting(code, eta)),
  )
  for (let waitS = 3; waitS <= 300; waitS++) {
    const etas = honest
      .map((each) => postRefusal(each, waitS))
      .flatMap(({ shouldWait, etaSeconds }) => (shouldWait ? [etaSeconds ?? 0] : []))
    const longest = Math.max(...etas)
    expect(Math.trunc(longest / 2) + longest).toBeLessThanOrEqual(waitS)
    expect(Math.min(...etas)).toBeGreaterThanOrEqual(1)
    expect(etas.every(Number.isInteger)).toBe(true)
  }
})
