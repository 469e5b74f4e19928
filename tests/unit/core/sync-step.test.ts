import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Pair, standsStill, syncStep, youngUntilMs } from '../../../src/core/containers/sync-step.ts'

const OWN = 'container-1'
const container = (state: NonNullable<Pair['container']>['state'], change = {}) => ({
  id: OWN,
  state,
  isEngine: true,
  isUsable: true,
  isOurGeneric: false,
  isOthers: false,
  isLeftToUs: false,
  isYoung: false,
  ...change,
})
const row = (
  status: NonNullable<Pair['engine']>['status'],
  removalRequestedAt: number | null = null,
  containerId: string | null = status === 'provisioning' ? null : OWN,
) => ({ status, removalRequestedAt, containerId })
/** The container carries the label of an engine that had another container. */
const other = (status: 'gone' | 'failed') => row(status, null, 'container-0')
const decide = (engine: Pair['engine'], seen: Pair['container'], inHand = false) =>
  syncStep({ engine, container: seen, inHand }).kind

describe('the next step for a row and its container', () => {
  test.each([
    // What a crash leaves of a provision.
    [row('provisioning'), null, 'undo'],
    [row('provisioning'), container('created'), 'undo'],
    [row('provisioning'), container('running'), 'finish'],
    [row('provisioning'), container('restarting'), 'finish'],
    [row('provisioning'), container('exited'), 'undo'],
    // Containers without a row.
    [null, container('running'), 'adopt'],
    [null, container('restarting'), 'adopt'],
    // Containers that lack what is needed to use them.
    [null, container('running', { isUsable: false }), 'leave'],
    [null, container('running', { isUsable: false, isOthers: true, isLeftToUs: true }), 'leave'],
    [other('gone'), container('running', { isUsable: false }), 'leave'],
    [row('starting'), container('running', { isUsable: false }), 'observe'],
    [null, container('created'), 'reap'],
    [null, container('exited'), 'reap'],
    [null, container('running', { isEngine: false }), 'leave'],
    [null, container('running', { isEngine: false, isOurGeneric: true }), 'leave'],
    [null, container('exited', { isEngine: false, isOurGeneric: true }), 'leave'],
    [null, container('created', { isEngine: false, isOurGeneric: true }), 'reap'],
    [null, container('created', { isEngine: false }), 'leave'],
    // Engines that are history.
    [row('gone'), container('running'), 'reap'],
    [row('failed'), container('created'), 'reap'],
    [row('gone'), null, 'leave'],
    [row('failed', null, null), container('running'), 'reap'],
    // Somebody recreated an engine with its labels.
    [other('gone'), container('running'), 'adopt'],
    [other('failed'), container('paused'), 'adopt'],
    [other('gone'), container('restarting'), 'adopt'],
    [other('gone'), container('created'), 'reap'],
    [other('failed'), container('exited'), 'reap'],
    // Its creator may not have finished.
    [other('gone'), container('created', { isYoung: true }), 'wait'],
    [other('gone'), container('running', { isYoung: true }), 'adopt'],
    [row('failed', null, null), container('running', { isYoung: true }), 'wait'],
    // The container engine created it late.
    [row('failed', null, null), container('created', { isYoung: true }), 'reap'],
    [null, container('created', { isYoung: true }), 'wait'],
    [null, container('exited', { isYoung: true }), 'wait'],
    [null, container('running', { isYoung: true }), 'adopt'],
    [null, container('created', { isEngine: false, isOurGeneric: true, isYoung: true }), 'wait'],
    [row('provisioning'), container('created', { isYoung: true }), 'undo'],
    [row('draining', 5), container('running', { isYoung: true }), 'remove'],
    // Containers of another installation, whose label may name an engine of ours.
    ...(['created', 'running', 'exited', 'paused'] as const).flatMap((state) =>
      [null, row('provisioning'), row('ready'), row('gone'), row('draining', 5), other('gone')].map(
        (engine) => [engine, container(state, { isOthers: true }), 'leave'] as const,
      ),
    ),
    [null, container('running', { isOthers: true, isLeftToUs: true }), 'adopt'],
    [null, container('paused', { isOthers: true, isLeftToUs: true }), 'adopt'],
    [null, container('created', { isOthers: true, isLeftToUs: true }), 'leave'],
    [null, container('exited', { isOthers: true, isLeftToUs: true }), 'leave'],
    // Live engines.
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

test('a container is young for a minute since it was made, and no longer than a minute after we first saw it', () => {
  expect(youngUntilMs(1_000, 5_000)).toBe(61_000)
  // The container engine's clock is an hour ahead of ours.
  expect(youngUntilMs(3_601_000, 5_000)).toBe(65_000)
})

test.each([
  ['created', true],
  ['exited', true],
  ['dead', true],
  ['removing', true],
  ['running', false],
  ['restarting', false],
  ['paused', false],
] as const)('a container that is %s stands still: %p', (state, expected) => {
  expect(standsStill(state)).toBe(expected)
})
