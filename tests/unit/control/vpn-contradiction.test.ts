import { afterEach, describe, expect, test } from 'bun:test'
import type { HealthTarget } from '../../../src/control/health/health-source.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { figures } from '../../support/builders.ts'
import { AS_ACEXY, type Rig } from '../../support/rig.ts'
import { type RigNode, startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

/* Docker's health check fails while the control server, engines and streams show that the node works. */

let rig: Rig
let nodes: readonly RigNode[]
let node: RigNode
/** Ports of engines that say that they are not connected. */
let cutOff: Set<number>
/** Whether the sessions that engines are asked about move bytes. */
let areMoving: boolean
afterEach(() => rig.dispose())

async function start(env: Record<string, string> = {}, names: readonly string[] = ['gluetun']) {
  const started = await startBehindVpn(names, env)
  rig = started.rig
  nodes = started.nodes
  node = nodes[0] as RigNode
  cutOff = new Set()
  areMoving = true
}

/** Lets time pass while nodes and engines report their state each second. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    for (const each of nodes) each.report()
    for (const target of rig.health.targets) answer(target, rig.clock.now())
    await settled()
  }
}

function answer(target: HealthTarget, atMs: number): void {
  const { engineId, generation, addresses, networkIntervalMs, sessions } = target
  const connected = !cutOff.has(addresses[0]?.port ?? 0)
  rig.health.tell({ engineId, generation, ok: true, atMs, error: null })
  if (networkIntervalMs !== null) rig.health.tellNetwork({ engineId, generation, connected, atMs })
  const figured = figures({ downloaded: areMoving ? atMs : 0 })
  for (const { streamRowId } of sessions)
    rig.health.tellSessions({ engineId, generation, streamRowId, state: 'serves', figures: figured, atMs })
}

/** Two engines behind the node; on the first one a stream moves. */
async function playing(env: Record<string, string> = {}, names?: readonly string[]): Promise<void> {
  await start(env, names)
  for (let number = 0; number < 2; number++) expect((await rig.provision()).status).toBe(200)
  await pass(2)
  await rig.play(19_000)
  await pass(5)
}

interface Status {
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}
const listed = async () =>
  (await rig.json<{ container_name: string }[]>('GET', '/engines'))
    .map(({ container_name }) => container_name)
    .sort()
const vpn = () => rig.json<{ nodes: { state: string; since: string }[] }>('GET', '/vpn/status')
const warnings = async () =>
  (await rig.json<Status>('GET', '/orchestrator/status', undefined, AS_ACEXY)).warnings
const codes = async () => (await warnings()).map(({ code }) => code)
const kinds = () => newestJournal(rig.temp.store.db, 500).map(({ kind }) => kind)
const says = (status: 'stopped' | 'crashed') => {
  node.control = { status }
}
const BOTH = ['acestream-1', 'acestream-2']

describe('a node of which only the health check fails', () => {
  test('keeps its engines listed, is told with the words of the check and the remedy, and starts none', async () => {
    await playing()
    node.health = 'unhealthy'
    node.healthText = '2026-11-23T10:00:00Z ERROR HTTP response status is not OK: 500: small periodic check'
    await pass(60)
    expect(await listed()).toEqual(BOTH)
    const refused = await rig.provision()
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      {
        detail: "Cannot provision engine: VPN not available - Gluetun VPN container 'gluetun' is not healthy",
        code: 'vpn_disconnected',
      },
    ])
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({
      status: 'degraded',
      vpn: { enabled: true, connected: false, health: 'unhealthy' },
      provisioning: {
        can_provision: false,
        blocked_reason: 'VPN not connected',
        blocked_reason_details: { recovery_eta_seconds: 60 },
      },
    })
    expect(await vpn()).toMatchObject({
      connected: false,
      health: 'unhealthy',
      error: "Gluetun VPN container 'gluetun' is not healthy",
      nodes: [
        {
          state: 'unknown',
          health: 'unhealthy',
          docker_health: 'unhealthy',
          docker_health_text: node.healthText,
          vpn_status: 'running',
          engines_say: { connected: 2, asked: 2 },
        },
      ],
    })
    const since = (await vpn()).nodes[0]?.since
    const [warning] = (await warnings()).filter(({ code }) => code === 'vpn_health_check_fails')
    expect(warning?.message).toBe(
      'gluetun fails its health check (ERROR HTTP response status is not OK: 500: small periodic check) since ' +
        `${since}, and that is the only bad sign: its control server says that the VPN runs, 2 of 2 engines say that they are ` +
        'connected, and streams move. Its engines stay listed as long as that is so, and none starts behind it',
    )
    expect(warning?.remedy).toContain('HEALTH_TARGET_ADDRESSES')
    const metrics = await (await rig.request('GET', '/metrics')).text()
    expect(metrics).toContain('roundhouse_vpn_node_state{node="gluetun",state="unknown"} 1\n')
    expect(metrics).toContain('orch_vpn_health{state="unhealthy"} 1\n')
    expect(kinds()).not.toContain('vpn.down')
  })

  test('is up again when its check succeeds, and no engine was touched', async () => {
    await playing()
    const before = rig.runtime.containers().map(({ id, startedAtMs }) => [id, startedAtMs])
    node.health = 'unhealthy'
    await pass(300)
    node.health = 'healthy'
    await pass(6)
    expect(await codes()).not.toContain('vpn_health_check_fails')
    expect((await rig.provision()).status).toBe(200)
    await pass(120)
    expect(
      rig.runtime
        .containers()
        .slice(0, 3)
        .map(({ id, startedAtMs }) => [id, startedAtMs]),
    ).toEqual(before)
    expect(kinds()).not.toContain('engine.restarting')
    expect(await rig.json('GET', '/streams')).toMatchObject([{ status: 'started' }])
  })

  test.each([
    ['its control server says that the VPN stopped', () => says('stopped')],
    ['its control server says that it crashed', () => says('crashed')],
    ['its container ended', () => rig.runtime.kill(node.id)],
    ['most engines lost their connection', () => void cutOff.add(19_000).add(19_001)],
  ])('is down at once when %s', async (_, strike) => {
    await playing()
    node.health = 'unhealthy'
    await pass(10)
    expect(await listed()).toEqual(BOTH)
    strike()
    await pass(2)
    expect(await listed()).toEqual([])
    expect((await vpn()).nodes[0]?.state).toBe('down')
    expect(await codes()).not.toContain('vpn_health_check_fails')
  })

  test('is down when nothing has moved for 45 s, and listed again when something has for the stable time', async () => {
    await playing()
    node.health = 'unhealthy'
    await pass(10)
    areMoving = false
    await pass(43)
    expect(await listed()).toEqual(BOTH)
    await pass(3)
    expect(await listed()).toEqual([])
    areMoving = true
    await pass(4)
    expect(await listed()).toEqual([])
    await pass(4)
    expect(await listed()).toEqual(BOTH)
  })

  test('keeps its engines listed while its only viewer changes the channel', async () => {
    await playing()
    node.health = 'unhealthy'
    await pass(10)
    await rig.json('POST', '/events/stream_ended', { stream_id: 'key|session', reason: 'completed' })
    await pass(30)
    expect(await listed()).toEqual(BOTH)
    await pass(30)
    expect(await listed()).toEqual([])
  })

  test('is not down for one round in which its control server does not answer, and is for lasting silence', async () => {
    await playing()
    node.health = 'unhealthy'
    await pass(10)
    node.control = { status: null, problem: 'the control server hangs' }
    await pass(5)
    expect(await listed()).toEqual(BOTH)
    await pass(20)
    expect(await listed()).toEqual([])
  })

  test('with another node up, has its engines listed and counted, and new ones start behind the other', async () => {
    await playing({ MIN_REPLICAS: '2', MAX_REPLICAS: '3' }, ['one', 'two'])
    node.health = 'unhealthy'
    await pass(60)
    expect(await listed()).toEqual(BOTH)
    expect((await rig.json<unknown[]>('GET', '/engines?status=all')).length).toBe(2)
    expect(await (await rig.provision()).json()).toMatchObject({ container_name: 'acestream-3' })
    expect(rig.runtime.containers().find(({ name }) => name === 'acestream-3')?.joins).toBe(
      nodes[1]?.id ?? '',
    )
  })
})

test('a node whose health check fails with nothing to say for it is down', async () => {
  await start()
  expect((await rig.provision()).status).toBe(200)
  await pass(20)
  node.health = 'unhealthy'
  await pass(1)
  expect((await vpn()).nodes[0]?.state).toBe('down')
  expect(await listed()).toEqual([])
  expect(await codes()).not.toContain('vpn_health_check_fails')
})

test('a state that is not known for a minute is told with the time and the reason, and its refusal waits longer', async () => {
  await start()
  node.health = null
  node.control = { status: null, problem: 'the control server hangs' }
  await pass(30)
  const eta = async () =>
    (
      await rig.json<{
        provisioning: { blocked_reason_details: { recovery_eta_seconds: number } }
      }>('GET', '/orchestrator/status')
    ).provisioning.blocked_reason_details.recovery_eta_seconds
  expect([await codes(), await eta()]).toEqual([[], 5])
  const since = (await vpn()).nodes[0]?.since
  await pass(35)
  const [warning] = await warnings()
  expect(warning).toMatchObject({
    code: 'vpn_not_known',
    message:
      "it is not known whether the VPN is up: Gluetun VPN container 'gluetun' has no health check, and the control server " +
      `hangs (so since ${since}). No engine starts behind it`,
  })
  expect(await eta()).toBe(60)
  node.control = {}
  await pass(6)
  expect(await codes()).toEqual([])
})

test('a control server that tells nothing for a minute is told with the time and the remedy, beside a node that is up', async () => {
  await start()
  node.control = {
    status: null,
    forwardedPorts: null,
    problem: 'the control server refuses our key: set the right one',
  }
  await pass(1)
  const since = new Date(rig.clock.now()).toISOString()
  await pass(58)
  expect(await codes()).toEqual([])
  await pass(3)
  expect((await vpn()).nodes[0]?.state).toBe('up')
  expect(await warnings()).toMatchObject([
    {
      code: 'vpn_control_silent',
      message:
        `the control server refuses our key (gluetun, since ${since}): a VPN that stops is noticed late, and its ` +
        'forwarded port is not known',
      remedy: 'set the right one',
    },
  ])
  node.control = {}
  await pass(1)
  expect(await codes()).toEqual([])
})
