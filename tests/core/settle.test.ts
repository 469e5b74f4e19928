import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Pair, settle } from '../../src/core/settle.ts'

const container = (state: NonNullable<Pair['container']>['state'], change = {}) => ({
  state,
  isEngine: true,
  isOurGeneric: false,
  ...change,
})
const row = (status: NonNullable<Pair['engine']>['status'], removalRequestedAt: number | null = null) => ({
  status,
  removalRequestedAt,
})
const decide = (engine: Pair['engine'], seen: Pair['container'], inHand = false) =>
  settle({ engine, container: seen, inHand }).kind

describe('settle', () => {
  test.each([
    // What a crash leaves of a provision.
    [row('provisioning'), null, 'undo'],
    [row('provisioning'), container('created'), 'undo'],
    [row('provisioning'), container('running'), 'finish'],
    [row('provisioning'), container('restarting'), 'finish'],
    [row('provisioning'), container('exited'), 'undo'],
    // Containers that no row knows.
    [null, container('running'), 'adopt'],
    [null, container('restarting'), 'adopt'],
    [null, container('created'), 'reap'],
    [null, container('exited'), 'reap'],
    [null, container('running', { isEngine: false }), 'leave'],
    [null, container('running', { isEngine: false, isOurGeneric: true }), 'leave'],
    [null, container('exited', { isEngine: false, isOurGeneric: true }), 'leave'],
    [null, container('created', { isEngine: false, isOurGeneric: true }), 'reap'],
    [null, container('created', { isEngine: false }), 'leave'],
    // History.
    [row('gone'), container('running'), 'reap'],
    [row('failed'), container('created'), 'reap'],
    [row('gone'), null, 'leave'],
    // Life.
    [row('ready'), container('running'), 'observe'],
    [row('starting'), container('exited'), 'observe'],
    [row('ready'), null, 'gone'],
    [row('draining'), null, 'gone'],
    [row('draining', 5), container('running'), 'remove'],
    [row('draining', 5), null, 'gone'],
  ] as const)('%p with %p: %s', (engine, seen, kind) => {
    expect(decide(engine, seen)).toBe(kind)
  })

  test('what somebody works on is left alone, whatever it looks like', () => {
    const engines = fc.constantFrom(null, row('provisioning'), row('ready'), row('gone'), row('draining', 1))
    const seen = fc.constantFrom(null, container('created'), container('running'), container('exited'))
    fc.assert(fc.property(engines, seen, (engine, each) => expect(decide(engine, each, true)).toBe('leave')))
  })
})
