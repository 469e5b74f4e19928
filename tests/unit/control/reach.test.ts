import { afterEach, describe, expect, test } from 'bun:test'
import { selectEngine } from '../../support/acexy-selection.ts'
import { decodeEngines } from '../../support/acexy-wire.ts'
import { AS_ACEXY, Rig } from '../../support/rig.ts'
import { RigNode } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

/* Whether proxies reach the engines at the addresses that they are told. */

interface Warned {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

let rig: Rig
afterEach(() => rig.dispose())

async function start(engines: number, env: Record<string, string> = {}): Promise<void> {
  rig = await new Rig({ MIN_REPLICAS: String(engines), ...env }).start()
  await pass(5)
}

/** Lets time pass while all engines answer; `isUp` says otherwise. */
async function pass(seconds: number, isUp = true): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    for (const { addresses } of rig.health.targets)
      rig.health.report(addresses[0]?.port ?? 0, isUp, rig.clock.now())
    await settled()
  }
}

/** One viewer of acexy, up to the choice of an engine: what comes after that is not reported if acexy can't reach it. */
async function arrive(): Promise<number> {
  const engines = decodeEngines(await (await rig.request('GET', '/engines', undefined, AS_ACEXY)).text())
  const candidates = []
  for (const engine of engines) {
    const path = `/streams?container_id=${engine.container_id}&status=started`
    const streams = await rig.json<unknown[]>('GET', path, undefined, AS_ACEXY)
    candidates.push({ engine, activeStreams: streams.length })
  }
  return selectEngine(candidates, 1)?.port ?? 0
}

/** A start that failed, as versions of acexy up to F report it. */
const fail = (port: number, id: string) =>
  rig.json('POST', '/events/stream_started', {
    engine: { host: 'localhost', port },
    stream: { key_type: 'content_id', key: id },
    session: { playback_session_id: 'fetch_failed', stat_url: '', command_url: '', is_live: 1 },
    labels: { stream_id: `${id}|fetch_failed` },
  })

const warned = async (code: string): Promise<Warned | undefined> =>
  (await rig.json<{ warnings: Warned[] }>('GET', '/orchestrator/status')).warnings.find(
    (each) => each.code === code,
  )
const unreached = () => warned('engines_unreached')

describe('attempts of which nothing comes, on engines that answer us,', () => {
  test('three in a row, warn that proxies cannot reach what is listed, until a stream begins', async () => {
    await start(2)
    for (let viewer = 0; viewer < 2; viewer++) {
      await arrive()
      await pass(30)
    }
    expect(await unreached()).toBeUndefined()
    const port = await arrive()
    await pass(30)
    const warning = await unreached()
    expect(warning?.message).toContain('the last 3 attempts of proxies led to no stream')
    expect(warning?.message).toContain(`as 127.0.0.1:${port}`)
    expect(warning?.remedy).toContain('ADVERTISE_HOST')
    await rig.play(port)
    expect(await unreached()).toBeUndefined()
  })

  test('count at once where the proxy reports them', async () => {
    await start(2)
    const port = (await rig.json<{ port: number }[]>('GET', '/engines'))[0]?.port ?? 0
    for (const id of ['a', 'b']) await fail(port, id)
    expect(await unreached()).toBeUndefined()
    await fail(port, 'c')
    expect(await unreached()).toBeDefined()
  })

  test('say nothing while a stream plays, nor with one in between', async () => {
    await start(4)
    await rig.play(await arrive())
    for (let viewer = 0; viewer < 3; viewer++) {
      await arrive()
      await pass(30)
    }
    expect(await unreached()).toBeUndefined()
  })

  test('count for nothing while events are refused, whose streams may have begun', async () => {
    await start(2, { API_KEY: 'f3c1a2b4d5e6f708' })
    for (let viewer = 0; viewer < 3; viewer++) {
      const port = await arrive()
      expect(await fail(port, `${viewer}`)).toMatchObject({ status: 401 })
      await pass(30)
    }
    expect(await warned('events_refused')).toBeDefined()
    expect(await unreached()).toBeUndefined()
  })

  test('are told of within half a minute after the third, where nothing is reported', async () => {
    await start(2, { MONITOR_INTERVAL_S: '60' })
    for (let viewer = 0; viewer < 3; viewer++) await arrive()
    await pass(24)
    expect(await unreached()).toBeUndefined()
    await pass(6)
    expect(await unreached()).toBeDefined()
  })

  test('count for nothing on engines that do not answer us', async () => {
    await start(2)
    const port = (await rig.json<{ port: number }[]>('GET', '/engines'))[0]?.port ?? 0
    await pass(60, false)
    for (const id of ['a', 'b', 'c']) await fail(port, id)
    expect(await unreached()).toBeUndefined()
  })
})

describe('a VPN container that does not publish GLUETUN_PORT_RANGE', () => {
  const VPN = { GLUETUN_CONTAINER_NAME: 'gluetun', GLUETUN_PORT_RANGE: '19000-19019' }
  const behind = async (advertise: string, reachablePorts: RigNode['reachablePorts']) => {
    rig = new Rig({ ...VPN, ENGINE_ADVERTISE: advertise })
    const node = new RigNode(rig, 'gluetun')
    node.reachablePorts = reachablePorts
    await node.create()
    await rig.start()
    node.report()
    await rig.clock.advance(2_000)
    return node
  }
  const missing = async () =>
    (await rig.json<{ nodes: { unpublished_ports: string[] }[] }>('GET', '/vpn/status')).nodes[0]
      ?.unpublished_ports

  test('is told where proxies are sent to the host, until it does', async () => {
    const node = await behind('host', [19_000, 19_001])
    const warning = await warned('vpn_ports_unpublished')
    expect(warning?.message).toStartWith('gluetun does not publish 19002-19019 of GLUETUN_PORT_RANGE')
    expect(warning?.remedy).toContain('gluetun with ports 19002-19019:19002-19019')
    expect(await missing()).toEqual(['19002-19019'])
    node.reachablePorts = 'all'
    node.report()
    await rig.clock.advance(20_000)
    expect(await warned('vpn_ports_unpublished')).toBeUndefined()
    expect(await missing()).toEqual([])
  })

  test('is mentioned once in the log where they are sent to the VPN container itself', async () => {
    await behind('auto', [])
    await rig.clock.advance(60_000)
    expect(await warned('vpn_ports_unpublished')).toBeUndefined()
    expect(await missing()).toEqual(['19000-19019'])
    const lines = rig.logged.filter((line) => line.includes('does not publish 19000-19019'))
    expect(lines).toHaveLength(1)
  })
})
