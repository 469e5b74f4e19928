import { describe, expect, test } from 'bun:test'
import { carriesForwardedPort, renewedForPort } from '../../../src/core/vpn/forwarded-port.ts'
import { engine } from '../../support/builders.ts'

describe('the forwarded port', () => {
  const carrier = { forwarded: true, p2pPort: 51_413 }

  test.each([
    [carrier, { forwardedPort: 51_413, isPortKnown: true }, true],
    [carrier, { forwardedPort: 40_000, isPortKnown: true }, false],
    [carrier, { forwardedPort: null, isPortKnown: true }, false],
    [carrier, { forwardedPort: null, isPortKnown: false }, true],
    [carrier, null, true],
    [{ forwarded: false, p2pPort: 51_413 }, { forwardedPort: 51_413, isPortKnown: true }, false],
  ] as const)('%p at %p is carried: %p', (given, node, isCarried) => {
    expect(carriesForwardedPort(given, node)).toBe(isCarried)
  })

  const nobodyBusy = () => false
  const row = (id: string, p2pPort: number, forwarded = false, replaces: string | null = null) =>
    engine({ id, p2pPort, forwarded, replaces, createdAt: Number(id) })

  test('changed: the engine that carries the earlier one is renewed, until it is gone', () => {
    const fleet = [row('1', 8_700), row('2', 51_413, true)]
    expect(renewedForPort(fleet, { forwardedPort: 40_000 }, nobodyBusy)).toEqual(['2'])
    const succeeded = [...fleet, row('3', 40_000, true, '2')]
    expect(renewedForPort(succeeded, { forwardedPort: 40_000 }, nobodyBusy)).toContain('2')
    expect(renewedForPort(succeeded.slice(0, 1), { forwardedPort: null }, nobodyBusy)).toEqual([])
  })

  test('carried by nobody: the oldest idle engine is renewed, until it is gone', () => {
    const fleet = [row('2', 8_701), row('1', 8_700), row('3', 8_702)]
    expect(renewedForPort(fleet, { forwardedPort: 40_000 }, (id) => id === '1')).toEqual(['2'])
    const succeeded = [...fleet, row('4', 40_000, true, '2')]
    expect(renewedForPort(succeeded, { forwardedPort: 40_000 }, nobodyBusy)).toEqual(['2'])
    expect(renewedForPort(succeeded.slice(1), { forwardedPort: 40_000 }, nobodyBusy)).toEqual([])
  })

  test('carried before by a busy engine: the oldest idle engine is renewed, too', () => {
    const fleet = [row('1', 51_413, true), row('2', 8_700), row('3', 8_701)]
    expect(renewedForPort(fleet, { forwardedPort: 40_000 }, (id) => id === '1')).toEqual(['1', '2'])
  })

  test('used by an engine for something else: none is renewed, since none could have it', () => {
    const fleet = [row('1', 51_413, true), row('2', 8_700), { ...row('3', 8_701), httpPort: 40_000 }]
    expect(renewedForPort(fleet, { forwardedPort: 40_000 }, nobodyBusy)).toEqual([])
  })
})
