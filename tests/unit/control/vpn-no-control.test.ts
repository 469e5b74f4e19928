import { afterEach, beforeEach, expect, test } from 'bun:test'
import { newestJournal } from '../../../src/store/journal.ts'
import { figures } from '../../support/builders.ts'
import type { Rig } from '../../support/rig.ts'
import { type RigNode, startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

/* VPN containers that are no Gluetun (VPN_CONTROL=none): nobody answers for a control server. */

let rig: Rig
let node: RigNode
/** Whether all engines say that they are connected. */
let areConnected: boolean

beforeEach(() => {
  areConnected = true
})
afterEach(() => rig.dispose())

async function start(health: RigNode['health']): Promise<void> {
  const started = await startBehindVpn(['wireguard'], { VPN_CONTROL: 'none' })
  rig = started.rig
  node = started.nodes[0] as RigNode
  node.control = null
  node.health = health
}

async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    node.report()
    const atMs = rig.clock.now()
    for (const { engineId, generation, networkIntervalMs, sessions } of rig.health.targets) {
      const from = { engineId, generation, atMs }
      rig.health.tell({ ...from, ok: true, error: null })
      if (networkIntervalMs !== null) rig.health.tellNetwork({ ...from, connected: areConnected })
      for (const { streamRowId } of sessions)
        rig.health.tellSessions({
          ...{ ...from, streamRowId, state: 'serves' },
          figures: figures({ downloaded: atMs }),
        })
    }
    await settled()
  }
}

const status = () => rig.json('GET', '/vpn/status')
const listed = async () => (await rig.json<unknown[]>('GET', '/engines')).length
const kinds = () => newestJournal(rig.temp.store.db, 500).map(({ kind }) => kind)

test.each([['healthy'], [null]] as const)(
  'one whose health check says %p is up after the stable time, and engines start behind it',
  async (health) => {
    await start(health)
    rig.runtime.kill(node.id)
    await pass(1)
    expect(await (await rig.provision()).json()).toMatchObject({
      detail:
        "Cannot provision engine: VPN not available - VPN container 'wireguard' is not running (exited)",
    })
    await rig.runtime.start(node.id)
    await pass(4)
    expect(await status()).toMatchObject({ connected: false })
    await pass(2)
    expect(await status()).toMatchObject({
      ...{ enabled: true, connected: true, forwarded_port: null },
      nodes: [
        { state: 'up', control: 'none', vpn_status: null, control_problem: null, docker_health: health },
      ],
    })
    expect((await rig.provision()).status).toBe(200)
    await pass(2)
    expect(await listed()).toBe(1)
  },
)

test('one whose engines lose their connection is down, and up again when they have it back', async () => {
  await start(null)
  await pass(1)
  for (const _ of [1, 2]) expect((await rig.provision()).status).toBe(200)
  await pass(12)
  areConnected = false
  await pass(12)
  expect(await (await rig.provision()).json()).toMatchObject({
    detail:
      "Cannot provision engine: VPN not available - VPN container 'wireguard' has lost its tunnel: " +
      '2 of 2 engines say that they are not connected',
  })
  expect(await listed()).toBe(0)
  areConnected = true
  await pass(8)
  expect(await status()).toMatchObject({ nodes: [{ state: 'up' }] })
  expect(await listed()).toBe(2)
  expect(kinds()).not.toContain('engine.restarting')
})

test('one that is unhealthy is down, and keeps its engines listed while engines and streams show that it works', async () => {
  await start('healthy')
  await pass(1)
  expect((await rig.provision()).status).toBe(200)
  await pass(2)
  node.health = 'unhealthy'
  await pass(1)
  expect(await listed()).toBe(0)
  node.health = 'healthy'
  await pass(7)
  await rig.play(19_000)
  await pass(3)
  node.health = 'unhealthy'
  await pass(1)
  const since = new Date(rig.clock.now()).toISOString()
  await pass(29)
  expect(await listed()).toBe(1)
  expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({
    warnings: [
      {
        code: 'vpn_health_check_fails',
        message:
          `wireguard fails its health check since ${since}, and that is the only bad sign: 1 of 1 engines say that they are ` +
          'connected, and streams move. Its engines stay listed as long as that is so, and none starts behind it',
        remedy: 'mend the health check of that container, or create it without one',
      },
    ],
  })
})
