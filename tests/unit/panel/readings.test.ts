import { describe, expect, test } from 'bun:test'
import type { RefusalCode } from '../../../src/core/provisioning/refusal.ts'
import type { Engine, Status } from '../../../src/panel/api/types.ts'
import { changesOf, entryInWords } from '../../../src/panel/reading/changes.ts'
import { cutsOf } from '../../../src/panel/reading/cuts.ts'
import { engineState } from '../../../src/panel/reading/engines.ts'
import { behindLive, stateOf } from '../../../src/panel/reading/streams.ts'
import { canWatch } from '../../../src/panel/reading/verdict.ts'
import { vpnAnswer } from '../../../src/panel/reading/vpn.ts'
import { clockText, dayOf, duration, exactText, rate, shortId } from '../../../src/panel/reading/words.ts'
import {
  agoText,
  anEngine,
  anEntry,
  aStatus,
  aStream,
  aVpn,
  aVpnNode,
  NOW_MS,
} from '../../support/panel-builders.ts'

const blocked = (code: RefusalCode, message: string, eta: number | null = null): Partial<Status> => ({
  provisioning: {
    ...aStatus().provisioning,
    can_provision: false,
    blocked_reason: message,
    blocked_reason_details: {
      ...{ code, message, recovery_eta_seconds: eta, should_wait: true, can_retry: true },
    },
  },
})
const busy = anEngine('busy', { streams: ['s'] })
const draining = anEngine('draining', { status: 'draining', listed: false, streams: ['s'] })
const full = { ...blocked('max_capacity', 'full', 30), capacity: { ...aStatus().capacity, max_replicas: 2 } }
const vpnOf = (health: string) => ({ vpn: { ...aStatus().vpn, enabled: true, health } })

describe('can a viewer get an engine now?', () => {
  test.each([
    ['a free engine', {}, [anEngine('a'), busy], 'ok', 'Yes', '1 engine free, 8 more can start'],
    ['none free, and room', {}, [busy], 'ok', 'Yes, after a start', 'none is free, 9 can start'],
    ['at the cap with a free engine', full, [anEngine('a'), busy], 'ok', 'Yes', '2 of 2 engines, 1 free'],
    ['at the cap, all busy', full, [busy, busy], 'warn', 'Not now', '2 of 2 engines, all busy'],
    [
      'at the cap, all draining',
      full,
      [draining, draining],
      'warn',
      'Not now',
      '2 of 2 engines, all draining',
    ],
    [
      'at the cap, of all kinds',
      full,
      [busy, draining, anEngine('a', { listed: false, status: 'starting' })],
      ...(['warn', 'Not now', '3 of 2 engines: 1 busy, 1 draining, 1 not usable yet'] as const),
    ],
    [
      'the VPN is down',
      { ...blocked('vpn_disconnected', 'no VPN'), ...vpnOf('unhealthy') },
      [],
      'bad',
      'Not now',
      'no VPN',
    ],
    [
      'the VPN is not known yet',
      { ...blocked('vpn_disconnected', 'no VPN'), ...vpnOf('unknown') },
      [],
      'unknown',
      'Not yet',
      'no VPN',
    ],
    [
      'the image is on its way',
      blocked('image_pulling', 'it is being pulled', 8),
      [],
      'busy',
      'Not yet',
      'it is being pulled',
    ],
    [
      'the image is missing',
      blocked('image_missing', 'a long text'),
      [],
      'bad',
      'Not now',
      'the image engine:1 is not on this Docker host',
    ],
    [
      'Docker is silent',
      blocked('runtime_unavailable', 'Docker does not answer', 5),
      [busy],
      'bad',
      'Not now',
      'Docker does not answer',
    ],
    [
      'one is free and none can start',
      blocked('circuit_breaker', 'open, next try in 9 s', 9),
      [anEngine('a')],
      ...(['ok', 'Yes', '1 engine free; none can start: too many starts failed in a row'] as const),
    ],
    [
      'one that is hidden',
      full,
      [anEngine('a', { listed: false }), busy],
      ...(['warn', 'Not now', '2 of 2 engines: 1 busy, 1 not usable yet'] as const),
    ],
    [
      'one that is expected to be taken',
      full,
      [anEngine('a', { expected_until: agoText(-9) }), busy],
      ...(['warn', 'Not now', '2 of 2 engines, all busy'] as const),
    ],
  ] as const)('%s', (_, status, engines: readonly Engine[], tone, word, text) => {
    expect(canWatch(aStatus(status), engines)).toMatchObject({ tone, word, text })
  })

  test('the remedy names the setting, and the time is the one of the server', () => {
    expect(canWatch(aStatus(full), [busy, busy])).toMatchObject({
      remedy: 'raise MAX_REPLICAS, or wait until a viewer leaves',
      untilMs: null,
    })
    const open = canWatch(aStatus(blocked('circuit_breaker', 'open', 42)), [])
    expect(open).toMatchObject({ isBreaker: true, untilMs: NOW_MS + 42_000 })
    expect(canWatch(aStatus(), [])).toMatchObject({ isBreaker: false, untilMs: null, remedy: null })
  })

  test('what is wrong with the VPN is told in the words of the VPN', () => {
    const down = aStatus({ ...blocked('vpn_disconnected', 'no VPN'), ...vpnOf('unhealthy') })
    expect(canWatch(down, [], aVpn({ error: 'gluetun is not healthy' })).text).toBe('gluetun is not healthy')
  })
})

describe('which stream stutters?', () => {
  test.each([
    ['plays', {}, 'ok', 'plays'],
    ['stands still', { stalled_since: agoText(14_000) }, 'bad', 'stalled 14 s'],
    [
      'has just begun',
      { started_at: agoText(5_000), downloaded: null, speed_down: null },
      'busy',
      'starting',
    ],
    [
      'begins for long',
      { started_at: agoText(20_000), downloaded: 0, speed_down: 0 },
      'warn',
      'starting 20 s',
    ],
    ['says nothing', { stats_at: null }, 'unknown', 'no figures'],
    ['has old figures', { stats_at: agoText(31_000) }, 'unknown', 'no figures'],
  ] as const)('one that %s', (_, change, tone, word) => {
    expect(stateOf(aStream('s', change), NOW_MS)).toMatchObject({ tone, word })
  })

  test('the worst has the smallest rank', () => {
    const ranks = [{ stalled_since: agoText(1) }, { stats_at: null }, {}].map(
      (change) => stateOf(aStream('s', change), NOW_MS).rank,
    )
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b))
  })

  test('how far behind live it is, if that is known', () => {
    const livepos = { pos: 90, live_first: 10, live_last: 100, buffer_pieces: 3 }
    expect(behindLive(aStream('s', { livepos }))).toBe(10)
    expect(behindLive(aStream('s', { livepos: { ...livepos, pos: null } }))).toBeNull()
    expect(behindLive(aStream('s'))).toBeNull()
  })
})

describe('is anything being cut?', () => {
  test.each([
    ['client_disconnected', 0],
    ['stopped_by_operator', 0],
    ['session_unknown', 0],
    ['a word of nobody', 0],
    ['eof', 1],
    ['engine_failed', 1],
    ['vpn_lost', 1],
  ] as const)('%s', (end_reason, cuts) => {
    const ended = aStream('s', { status: 'ended', ended_at: agoText(60_000), end_reason })
    expect(cutsOf([ended], NOW_MS)).toHaveLength(cuts)
    expect(cutsOf([{ ...ended, ended_at: agoText(3_600_000) }], NOW_MS)).toHaveLength(0)
  })
})

describe('what changed in the last hour?', () => {
  test('equal changes in a row are one, and what is no news is left out', () => {
    const journal = [
      anEntry({ id: 4, kind: 'engine.failed' }),
      anEntry({ id: 3, kind: 'engine.cache_cleaned' }),
      anEntry({ id: 2, kind: 'engine.failed' }),
      anEntry({ id: 1, at: agoText(3_600_000) }),
    ]
    expect(changesOf(journal, NOW_MS)).toMatchObject([{ times: 2, tone: 'bad' }])
  })

  test('an entry is a sentence with its reason', () => {
    expect(entryInWords(anEntry({ kind: 'engine.failed', detail: { reason: 'it crashed' } }))).toBe(
      'a failed: it crashed',
    )
    expect(entryInWords(anEntry({ kind: 'stream.ended', detail: { reason: 'eof' } }))).toBe(
      'a stream ended: the engine sent no more (eof)',
    )
    expect(entryInWords(anEntry({ kind: 'engine.quiet', container_name: null }))).toBe('engine quiet')
  })
})

describe('is the VPN really up?', () => {
  const node = (state: 'up' | 'down' | 'unknown', reason: string | null = null) =>
    aVpnNode('gluetun', { state, connected: state === 'up', reason })

  test.each([
    ['all up', [node('up')], 'ok', 'Up', '1 of 1 node'],
    ['one of two', [node('up'), node('down', 'no tunnel')], 'warn', '1 of 2 up', 'no tunnel'],
    ['none', [node('down', 'no tunnel')], 'bad', 'Down', 'no tunnel'],
    ['nobody knows', [node('unknown')], 'unknown', 'Not known', '0 of 1 node'],
  ] as const)('%s', (_, nodes, tone, word, text) => {
    expect(vpnAnswer(aVpn({ enabled: true, nodes: [...nodes] }))).toMatchObject({ tone, word, text })
  })

  test('there is none', () => expect(vpnAnswer(aVpn())).toBeNull())
})

describe('an engine in a word', () => {
  test.each([
    [{}, 'free'],
    [{ streams: ['s'] }, '1 stream'],
    [{ status: 'draining' }, 'draining'],
    [{ status: 'starting', health_status: 'unknown', listed: false }, 'starting'],
    [{ health_status: 'unhealthy', listed: false }, 'unhealthy'],
    [{ listed: false }, 'hidden'],
    [{ plays_nothing_since: agoText(1) }, 'plays nothing'],
    [{ expected_until: agoText(-1) }, 'expected'],
  ] as const)('%p', (change, word) => {
    expect(
      engineState(anEngine('a', { ...change, streams: [...('streams' in change ? change.streams : [])] }))
        .word,
    ).toBe(word)
  })
})

test.each([
  [12_400, '12 s'],
  [240_000, '4 min'],
  [4_800_000, '1 h 20 min'],
  [7_200_000, '2 h'],
  [180_000_000, '2 d 2 h'],
  [-5, '0 s'],
])('%d ms are %s', (ms, words) => expect(duration(ms)).toBe(words))

test.each([
  [null, '–'],
  [0, '0 B/s'],
  [381, '390 kB/s'],
  [1_855, '1.9 MB/s'],
])('%p KB of the engine a second are %s', (kilobytes, words) => expect(rate(kilobytes)).toBe(words))

test('a long id is shortened', () => expect(shortId('c'.repeat(40))).toBe('cccccccc…'))

test('a time of another day has its day', () => {
  const ms = new Date(2026, 10, 28, 20, 5, 3).getTime()
  expect(clockText(ms, dayOf(ms))).toBe('20:05:03')
  expect(clockText(ms, dayOf(ms + 86_400_000))).toBe('28 Nov 20:05:03')
})

test('an exact time has its day, two digits for each part of the clock, and its zone', () => {
  const midnight = new Date(2026, 10, 8, 0, 5, 3).toISOString()
  expect(exactText(midnight)).toMatch(/^8 Nov 2026(,| at) 00:05:03 \S+$/)
})
