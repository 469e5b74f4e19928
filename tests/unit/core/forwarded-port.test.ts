import { describe, expect, test } from 'bun:test'
import { carriesForwardedPort, renewedForPorts } from '../../../src/core/vpn/forwarded-port.ts'
import { engine } from '../../support/builders.ts'

describe('the forwarded port', () => {
  const carrier = { forwarded: true, p2pPort: 51_413 }

  test.each([
    [carrier, { forwardedPorts: [51_413], isPortKnown: true }, true],
    [carrier, { forwardedPorts: [40_000, 51_413], isPortKnown: true }, true],
    [carrier, { forwardedPorts: [40_000], isPortKnown: true }, false],
    [carrier, { forwardedPorts: [], isPortKnown: true }, false],
    [carrier, { forwardedPorts: [], isPortKnown: false }, true],
    [carrier, null, true],
    [{ forwarded: false, p2pPort: 51_413 }, { forwardedPorts: [51_413], isPortKnown: true }, false],
  ] as const)('%p at %p is carried: %p', (given, node, isCarried) => {
    expect(carriesForwardedPort(given, node)).toBe(isCarried)
  })

  const NOW_MS = 10_000_000
  const nobodyBusy = () => false
  const row = (id: string, p2pPort: number, forwarded = false, replaces: string | null = null) =>
    engine({ id, p2pPort, forwarded, replaces, createdAt: Number(id) })
  const renewed = (
    fleet: readonly ReturnType<typeof row>[],
    ports: readonly number[],
    { isBusy = nobodyBusy as (id: string) => boolean, steadyPorts = ports } = {},
  ) => renewedForPorts(fleet, { forwardedPorts: ports, steadyPorts }, isBusy, NOW_MS)

  test('changed: the engine that carries the earlier one is renewed, until it is gone', () => {
    const fleet = [row('1', 8_700), row('2', 51_413, true)]
    expect(renewed(fleet, [40_000])).toEqual(['2'])
    const succeeded = [...fleet, row('3', 40_000, true, '2')]
    expect(renewed(succeeded, [40_000])).toEqual(['2'])
    expect(renewed(succeeded.slice(0, 1), [])).toEqual([])
  })

  test('carried by nobody: the oldest idle engine is renewed, until it is gone', () => {
    const fleet = [row('2', 8_701), row('1', 8_700), row('3', 8_702)]
    expect(renewed(fleet, [40_000], { isBusy: (id) => id === '1' })).toEqual(['2'])
    const succeeded = [...fleet, row('4', 40_000, true, '2')]
    expect(renewed(succeeded, [40_000])).toEqual(['2'])
    expect(renewed(succeeded.slice(1), [40_000])).toEqual([])
  })

  test('carried before by a busy engine: the oldest idle engine is renewed', () => {
    const fleet = [row('1', 51_413, true), row('2', 8_700), row('3', 8_701)]
    expect(renewed(fleet, [40_000], { isBusy: (id) => id === '1' })).toEqual(['2'])
  })

  test('used by an engine for something else: none is renewed, since none could have it', () => {
    const fleet = [row('1', 51_413, true), row('2', 8_700), { ...row('3', 8_701), httpPort: 40_000 }]
    expect(renewed(fleet, [40_000])).toEqual([])
  })

  test('not steady: none is renewed', () => {
    expect(renewed([row('1', 51_413, true)], [40_000], { steadyPorts: [] })).toEqual([])
  })

  test('several: as many engines are renewed as there are ports that nobody carries', () => {
    const fleet = [row('1', 8_700), row('2', 51_413, true), row('3', 8_701), row('4', 8_702)]
    expect(renewed(fleet, [40_000, 40_001])).toEqual(['2', '1'])
    expect(renewed(fleet, [40_000, 51_413])).toEqual(['1'])
    const stale = [row('1', 51_413, true), row('2', 51_414, true), row('3', 8_701)]
    expect(renewed(stale, [40_000])).toEqual(['1'])
  })

  test('changed again: none is renewed for ten minutes, and the replacement that began is completed', () => {
    const successor = { ...row('2', 40_000, true, '1'), createdAt: NOW_MS - 599_999 }
    const fleet = [row('1', 51_413), successor, row('3', 8_701)]
    expect(renewed(fleet, [40_001])).toEqual(['1'])
    expect(renewed(fleet.slice(1), [40_001])).toEqual([])
    const older = { ...successor, createdAt: NOW_MS - 600_000 }
    expect(renewed([older, row('3', 8_701)], [40_001])).toEqual(['2'])
    expect(renewed([successor, row('3', 8_701)], [40_000, 40_001])).toEqual(['3'])
    // It came without the port, which had changed meanwhile, or its flag was forgotten for another carrier.
    const inVain = { ...row('2', 8_702, false, '0'), createdAt: NOW_MS - 599_999 }
    expect(renewed([inVain, row('3', 8_701)], [40_001])).toEqual([])
  })
})
