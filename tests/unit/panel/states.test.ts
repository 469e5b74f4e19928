import { describe, expect, test } from 'bun:test'
import type { LostLink } from '../../../src/panel/api/feed.ts'
import type { Status } from '../../../src/panel/api/types.ts'
import { checklist, isFirstRunOver, isOwnAddress } from '../../../src/panel/reading/first-run.ts'
import { imageAnswer, pullPart, pullWords } from '../../../src/panel/reading/image.ts'
import { isOld, lostWords } from '../../../src/panel/reading/link.ts'
import { sourcesOf, vpnAnswer, vpnTrouble } from '../../../src/panel/reading/vpn.ts'
import { agoText, anEngine, aStatus, aVpn, aVpnNode, NOW_MS } from '../../support/panel-builders.ts'

/* What the page says in each of its states, as pure judgements. */

const vpnOf = (...nodes: readonly ReturnType<typeof aVpnNode>[]) => aVpn({ enabled: true, nodes: [...nodes] })
const warningOf = (code: Status['warnings'][number]['code'], remedy: string) => ({
  ...{ code, remedy, message: `about ${code}`, since: agoText(9_000) },
})

describe('the first run', () => {
  const UNHEARD = { proxies: { last_heard: null, heard: [] } }
  const facts = (change: Partial<Parameters<typeof checklist>[0]> = {}) => ({
    ...{ status: aStatus(UNHEARD), vpn: aVpn(), engines: [], journal: [] },
    ...change,
  })
  const heard = aStatus()
  const step = (id: string, change: Parameters<typeof facts>[0] = {}) =>
    checklist(facts(change)).find((each) => each.id === id)

  test.each([
    ['nothing was ever done', {}, false],
    ['an engine is ready, and no proxy came', { engines: [anEngine('a')] }, false],
    ['a proxy came, and no engine', { status: heard }, false],
    ['an engine only starts', { status: heard, engines: [anEngine('a', { status: 'starting' })] }, false],
    ['both', { status: heard, engines: [anEngine('a')] }, true],
    ['an engine was ready once', { status: heard, journal: [{ kind: 'engine.ready' }] }, true],
    [
      'a stream was reported before the last start',
      { status: aStatus({ ...UNHEARD, streams: { active: 0, total: 1 } }) },
      true,
    ],
  ] as const)('where %s', (_, change, isOver) => {
    expect(isFirstRunOver(facts(change))).toBe(isOver)
  })

  test('tells each thing with its word and its remedy, in the order in which it is put right', () => {
    expect(checklist(facts()).map(({ id, tone, word }) => [id, tone, word])).toEqual([
      ['docker', 'ok', 'Answers'],
      ['image', 'ok', 'There'],
      ['vpn', null, 'Not configured'],
      ['engine', 'unknown', 'None yet'],
      ['proxy', 'unknown', 'Not seen yet'],
    ])
    expect(step('vpn')?.remedy).toContain('GLUETUN_CONTAINER_NAME')
    expect(step('proxy')?.remedy).toContain('acexy')
  })

  test('tells from which container acexy asks, and where it should ask if it does not', () => {
    const asked = { address: '172.18.0.3', container: 'acexy', networks: ['media'], last_heard: agoText(1) }
    const known = aStatus({ proxies: { last_heard: agoText(1), heard: [asked] } })
    expect(step('proxy', { status: known })).toMatchObject({
      tone: 'ok',
      text: 'in the container acexy',
    })
    const status = aStatus({ ...UNHEARD, warnings: [warningOf('no_proxy_heard', 'set it to http://house')] })
    expect(step('proxy', { status })?.remedy).toBe('set it to http://house')
  })

  test('tells of a silent Docker, a VPN that is down and an engine that starts', () => {
    const status = aStatus({ warnings: [warningOf('docker_silent', 'start dockerd')] })
    expect(step('docker', { status })).toMatchObject({
      tone: 'bad',
      text: 'about docker_silent',
      remedy: 'start dockerd',
    })
    const vpn = vpnOf(aVpnNode('g', { state: 'down', reason: 'no tunnel', control_problem: 'set a key' }))
    expect(step('vpn', { vpn })).toMatchObject({
      tone: 'bad',
      word: 'Down',
      text: 'no tunnel',
      remedy: 'set a key',
    })
    expect(step('vpn', { vpn: null })).toMatchObject({ tone: 'unknown' })
    const engines = [anEngine('a', { status: 'starting' })]
    expect(step('engine', { engines })).toMatchObject({ tone: 'busy', word: 'Starting' })
    expect(step('engine', { engines: [anEngine('a')] })).toMatchObject({ tone: 'ok', word: 'Runs' })
  })

  test.each([
    ['http://localhost:8000', true],
    ['http://127.0.0.1:8000/prefix', true],
    ['http://192.168.1.5:8000', false],
    ['http://roundhouse:8000', false],
  ])('%s is an address of its own for whoever uses it: %p', (url, isOwn) => {
    expect(isOwnAddress(url)).toBe(isOwn)
  })
})

describe('the image', () => {
  const pull = {
    ...{ since: agoText(9_000), eta_seconds: 20, layers: 7, layers_done: 3 },
    ...{ current_bytes: 178_400_000, total_bytes: 480_000_000 },
  }
  const withImage = (image: Status['image'], warnings: Status['warnings'] = []) =>
    aStatus({ image, warnings })

  test('is there, missing with what to do, not known, or on its way', () => {
    expect(imageAnswer(aStatus())).toMatchObject({ tone: 'ok', text: 'engine:1' })
    const none = { pull: null, pull_error: null }
    expect(imageAnswer(withImage({ ...none, state: 'unknown' }))).toMatchObject({ tone: 'unknown' })
    expect(imageAnswer(withImage({ ...none, state: 'missing' }))).toMatchObject({
      tone: 'bad',
      remedy: 'run: docker pull engine:1',
    })
    const told = withImage({ ...none, state: 'missing', pull_error: 'denied' }, [
      warningOf('image_missing', 'do it'),
    ])
    expect(imageAnswer(told)).toMatchObject({
      text: 'engine:1 is not on this Docker host; it could not be pulled: denied',
      remedy: 'do it',
    })
    expect(imageAnswer(withImage({ state: 'pulling', pull, pull_error: null }))).toMatchObject({
      tone: 'busy',
      text: 'engine:1',
    })
  })

  test('is told by layers, and by bytes if it has one', () => {
    expect(pullWords(pull)).toBe('3 of 7 layers, 178 of 480 MB')
    expect(pullPart(pull)).toBeCloseTo(3 / 7)
    expect(pullPart({ ...pull, layers: 1, layers_done: 0 })).toBeCloseTo(0.3717, 3)
    expect(pullPart({ ...pull, layers: 1, layers_done: 0, total_bytes: 0 })).toBeNull()
    expect(pullPart({ ...pull, layers: 0, layers_done: 0 })).toBeNull()
    expect(pullWords({ ...pull, layers: 0 })).toBe('asked for, nothing has come yet')
    expect(pullWords({ ...pull, current_bytes: 0, total_bytes: 0 })).toBe('3 of 7 layers')
  })
})

describe('a feed that is lost', () => {
  const lost = (change: Partial<LostLink> = {}): LostLink => ({
    ...{
      state: 'lost',
      sinceMs: NOW_MS - 6_000,
      why: 'it broke off.',
      needsKey: false,
      asOfMs: NOW_MS - 7_000,
    },
    ...change,
  })

  test('dims at once what is shown, unless it is asked for meanwhile', () => {
    expect(isOld({ state: 'live' }, NOW_MS)).toBe(false)
    expect(isOld({ state: 'connecting' }, NOW_MS)).toBe(false)
    expect(isOld(lost({ sinceMs: NOW_MS }), NOW_MS)).toBe(true)
    expect(isOld(lost({ asOfMs: NOW_MS - 1_000 }), NOW_MS)).toBe(false)
    expect(isOld(lost({ sinceMs: NOW_MS - 60_000, asOfMs: NOW_MS - 13_000 }), NOW_MS)).toBe(true)
  })

  test('says so after 5 s, as of when, and whether the server is asked instead', () => {
    expect(lostWords(lost({ sinceMs: NOW_MS - 4_999 }), NOW_MS)).toBeNull()
    expect(lostWords({ state: 'paused' }, NOW_MS)).toBeNull()
    const old = lostWords(lost(), NOW_MS)
    expect(old?.tone).toBe('bad')
    expect(old?.words).toMatch(/^Not live: it broke off\. What is shown is as of \d\d:\d\d:\d\d, 7 s ago\.$/)
    const asked = lostWords(lost({ asOfMs: NOW_MS }), NOW_MS)
    expect(asked?.tone).toBe('warn')
    expect(asked?.words).toContain('asked every 5 s instead; as of ')
    expect(lostWords(lost({ asOfMs: null }), NOW_MS)?.words).toBe('No answer yet: it broke off.')
  })
})

describe('a VPN that is not up', () => {
  const down = {
    state: 'down',
    connected: false,
    reason: 'it is not healthy',
    since: agoText(30_000),
  } as const

  test('is told with its cause, what is hidden for it, and when it is looked at next', () => {
    const engines = [
      anEngine('a', { vpn_container: 'g', listed: false }),
      anEngine('b', { vpn_container: 'g', listed: true }),
      anEngine('c', { vpn_container: 'other', listed: false }),
    ]
    expect(vpnTrouble(vpnOf(aVpnNode('g', { ...down, control_problem: 'set a key' })), engines)).toEqual({
      tone: 'bad',
      words: 'The VPN is down',
      since: agoText(30_000),
      causes: [{ cause: 'it is not healthy', remedy: 'set a key' }],
      hidden: 1,
      nextLookMs: NOW_MS + 4_000,
    })
  })

  test('is not red while nothing is known, and not where another node is up', () => {
    const unknown = aVpnNode('g', {
      state: 'unknown',
      connected: false,
      last_check: null,
      reason: 'not known yet',
    })
    expect(vpnTrouble(vpnOf(unknown), [])).toMatchObject({
      ...{ tone: 'unknown', words: 'The VPN is not known yet', nextLookMs: null },
    })
    expect(vpnTrouble(vpnOf(aVpnNode('a'), aVpnNode('b', down)), [])).toMatchObject({
      ...{ tone: 'warn', words: '1 of 2 VPN nodes are down' },
    })
    expect(vpnTrouble(vpnOf(aVpnNode('a')), [])).toBeNull()
    expect(vpnTrouble(aVpn(), [])).toBeNull()
  })

  test('is told to work where only its health check fails', () => {
    const reason = 'it is not healthy'
    const node = aVpnNode('g', { ...down, reason, state: 'unknown', health: 'unhealthy' })
    expect(vpnAnswer(vpnOf(node))).toMatchObject({ tone: 'warn', word: 'Health check fails', text: reason })
    expect(vpnTrouble(vpnOf(node), [])).toMatchObject({
      ...{ tone: 'warn', words: 'The VPN works, though its health check fails', hidden: 0 },
    })
    expect(vpnTrouble(vpnOf(node, aVpnNode('b', down)), [])).toMatchObject({
      ...{ tone: 'bad', words: 'The VPN is down' },
    })
  })

  test('names what its control server refuses, also where Docker alone says that it is up', () => {
    const node = aVpnNode('g', { vpn_status: null, control_problem: 'GET /v1/vpn/status wants a key' })
    expect(vpnAnswer(vpnOf(node))).toMatchObject({ tone: 'ok', remedy: 'GET /v1/vpn/status wants a key' })
    expect(sourcesOf(node, NOW_MS)[1]).toMatchObject({ tone: 'warn', says: 'GET /v1/vpn/status wants a key' })
  })
})

describe('the sources of a verdict on the VPN', () => {
  const dissenters = (change: Parameters<typeof aVpnNode>[1]) =>
    sourcesOf(aVpnNode('g', change), NOW_MS)
      .filter(({ dissents }) => dissents)
      .map(({ name }) => name)

  test.each([
    ['all agree', {}, []],
    ['Docker alone says no', { docker_health: 'unhealthy' }, ['Docker']],
    [
      'engines alone say no',
      { engines_say: { connected: 0, asked: 2, last_heard: agoText(1) } },
      ['Engines'],
    ],
    [
      'half of the engines say no, which is no word',
      { engines_say: { connected: 1, asked: 2, last_heard: agoText(1) } },
      [],
    ],
    [
      'Docker alone says yes',
      {
        vpn_status: 'stopped',
        forwarded_ports: [],
        engines_say: { connected: 0, asked: 2, last_heard: agoText(1) },
      },
      ['Docker'],
    ],
    ['two against two', { vpn_status: 'crashed', docker_health: 'unhealthy' }, ['Docker', 'Control server']],
    ['it said so long ago', { docker_health: 'unhealthy', last_check: agoText(61_000) }, []],
    ['nothing is known', { last_check: null, vpn_status: null, forwarded_ports: [], engines_say: null }, []],
  ] satisfies [string, Parameters<typeof dissenters>[0], string[]][])('where %s', (_, change, names) => {
    expect(dissenters(change)).toEqual(names)
  })

  test('each has its words and the time at which it said so', () => {
    expect(sourcesOf(aVpnNode('g'), NOW_MS).map(({ says, at }) => [says, at])).toEqual([
      ['its health check says healthy', agoText(1_000)],
      ['its VPN is running', agoText(2_000)],
      ['2 of 2 say that they are connected', agoText(3_000)],
      ['port 51413 is forwarded', agoText(2_000)],
    ])
    const several = aVpnNode('g', { forwarded_ports: [41_001, 41_002] })
    expect(sourcesOf(several, NOW_MS)[3]).toMatchObject({ says: 'ports 41001, 41002 are forwarded' })
    const alone = aVpnNode('g', { control: 'none', vpn_status: null, last_control_check: null })
    expect(sourcesOf(alone, NOW_MS)[1]).toMatchObject({
      says: 'it has none (VPN_CONTROL=none)',
      tone: 'unknown',
    })
    const missing = aVpnNode('g', { status: 'missing', docker_health: null, engines: 0, engines_say: null })
    expect(sourcesOf(missing, NOW_MS).map(({ says }) => says)).toMatchObject({
      0: 'its container is missing',
      2: 'none is behind it',
    })
  })
})
