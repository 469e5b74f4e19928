import { describe, expect, test } from 'bun:test'
import { isApartFrom, type OwnPlace } from '../../../src/core/containers/own-place.ts'
import { type Unreached, unreachableWarning } from '../../../src/core/containers/reach-warning.ts'
import { type Answers, isMuteSince, isUntold } from '../../../src/core/engines/reach.ts'

/* Whether an engine is out of reach where it is, and what is told of it. */

const inside = (...networks: string[]): OwnPlace => ({
  ...{ kind: 'container', name: 'house', networks, wayOut: null, gateways: [] },
})

test.each<[OwnPlace, readonly string[], boolean]>([
  [inside('media'), ['bridge'], true],
  [inside('media', 'bridge'), ['bridge'], false],
  [inside('media'), ['bridge', 'media'], false],
  [inside(), ['bridge'], true],
  // Nothing is known of its networks.
  [inside('media'), [], false],
  [{ kind: 'host' }, ['bridge'], false],
])('%j is apart from %j: %p', (self, networks, apart) => expect(isApartFrom(self, networks)).toBe(apart))

describe('an engine is mute', () => {
  const answers: Answers = { isBooting: false, probedSinceMs: 0, lastProbeMs: 100, lastOkMs: null }
  const boots: Answers = { ...answers, isBooting: true, lastProbeMs: null }

  test.each<[string, Answers, number, boolean]>([
    ['that has not answered', answers, 0, true],
    ['that was not asked yet', { ...answers, lastProbeMs: null }, 0, false],
    ['that is not probed', { ...answers, probedSinceMs: null }, 0, false],
    ['that has answered', { ...answers, lastOkMs: 50 }, 0, false],
    ['that has answered in another place of ours alone', { ...answers, lastOkMs: 50 }, 60, true],
    ['that was not asked since our place changed', { ...answers, lastOkMs: 50 }, 200, false],
    ['that boots, after its time', boots, 0, true],
    ['that boots, before its time', { ...boots, probedSinceMs: 5_001 }, 0, false],
    ['that boots, shortly after our place changed', boots, 5_001, false],
  ])('%s', (_, known, fromMs, mute) => {
    expect(isMuteSince(known, { fromMs, nowMs: 10_000 })).toBe(mute)
  })
})

test.each([
  ['loopback', 'address', true],
  ['another', 'loopback', true],
  ['all', 'address', false],
  ['all', 'loopback', false],
  ['loopback', 'loopback', false],
  // The address may be passed on to that of the host, as by a router.
  ['another', 'address', false],
  ['loopback', null, false],
  ['another', null, false],
  [null, 'address', false],
] as const)('a port on %p, and proxies told %p: %p', (published, told, untold) => {
  expect(isUntold(published, told)).toBe(untold)
})

describe('the warning', () => {
  const engine = (name: string, change: Partial<Unreached> = {}): Unreached => ({
    ...{ name, place: 'bridge', of: 'us', isMoving: true, ...change },
  })
  const about = { apart: null, own: 'media', told: '192.0.2.2' }
  const apart = { message: 'we share no network with engines', remedy: 'set DOCKER_NETWORK=media' }

  test('is none where all are reached', () => expect(unreachableWarning([], about)).toBeNull())

  test('names those of one place together, and each kind for itself', () => {
    const others = [
      engine('c', { place: 'web' }),
      engine('d', { of: 'proxies' }),
      engine('e', { of: 'proxies' }),
    ]
    const warning = unreachableWarning([engine('a'), engine('b'), ...others], about)
    expect(warning?.message.split('; ')).toEqual([
      'a, b are in bridge, where Roundhouse (media) is not, and out of its reach: hidden from proxies, and replaced when idle',
      'c is in web, where Roundhouse (media) is not, and out of its reach: hidden from proxies, and replaced when idle',
      'd, e publish no port at 192.0.2.2, which proxies are told: hidden from proxies, and replaced when idle',
    ])
  })

  test('says once what holds for all new engines, too', () => {
    const stays = engine('a', { isMoving: false })
    expect(unreachableWarning([stays], { ...about, apart })).toEqual({
      message: 'we share no network with engines: it reaches no engine there',
      remedy: 'set DOCKER_NETWORK=media',
    })
  })

  test('names no more than five', () => {
    const many = Array.from({ length: 7 }, (_, at) => engine(`e${at}`))
    expect(unreachableWarning(many, about)?.message).toContain('e0, e1, e2, e3, e4 and 2 more are in bridge')
  })
})
