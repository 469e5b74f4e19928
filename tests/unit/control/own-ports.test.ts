import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { plainRequest } from '../../../src/control/engines/template.ts'
import { EnginePorts } from '../../../src/control/provisioning/engine-ports.ts'
import { Placer } from '../../../src/control/provisioning/placer.ts'
import { PortBook } from '../../../src/control/provisioning/port-book.ts'
import { VpnNodes } from '../../../src/control/vpn/vpn-nodes.ts'
import { FIXED_PORTS, NOT_FOR_PEERS, type PortRange } from '../../../src/core/engines/ports.ts'
import { ProvisionRefused } from '../../../src/core/provisioning/refusal.ts'
import type { Engine } from '../../../src/core/types.ts'
import { insertEngine, liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { leasesIn, releaseLeases } from '../../../src/store/leases.ts'
import { engines } from '../../../src/store/schema.ts'
import { createStore, type Db, type Store } from '../../../src/store/store.ts'
import { engine, template } from '../../support/builders.ts'
import { nodeContainer } from '../../support/manual-vpn.ts'
import { Rig } from '../../support/rig.ts'
import { startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

let rig: Rig | null = null
afterEach(async () => {
  await rig?.dispose()
  rig = null
})
const start = async (env: Record<string, string>): Promise<Rig> => {
  rig = await new Rig(env).start()
  return rig
}

describe('the port that a caller asks for', () => {
  test.each(['true', 'false'])(
    'is none of ACE_HTTPS_RANGE, where each engine has one (ACE_MAP_HTTPS=%s)',
    async (mapHttps) => {
      const { temp } = await start({ ACE_HTTPS_RANGE: '45000-45002', ACE_MAP_HTTPS: mapHttps })
      for (const port of [45_000, 45_002]) {
        const refused = await rig?.provision({}, { host_port: port })
        expect(refused?.status).toBe(422)
        expect(await refused?.json()).toMatchObject({
          detail: [
            { loc: ['body', 'host_port'], msg: expect.stringContaining('ACE_HTTPS_RANGE (45000-45002)') },
          ],
        })
      }
      expect(liveEngines(temp.store.db)).toEqual([])
      expect((await rig?.provision({}, { host_port: 45_003 }))?.status).toBe(200)
    },
  )

  test.each([
    [1_023, '1024'],
    [1, '1024'],
    [8_000, 'APP_PORT (8000-8000)'],
  ])('is none of the host’s own services, and not that of the API: %d', async (port, words) => {
    const { temp } = await start({})
    const refused = await rig?.provision({}, { host_port: port })
    expect(refused?.status).toBe(422)
    expect(await refused?.json()).toMatchObject({
      detail: [{ loc: ['body', 'host_port'], msg: expect.stringContaining(words) }],
    })
    expect(liveEngines(temp.store.db)).toEqual([])
    expect((await rig?.provision({}, { host_port: 1_024 }))?.status).toBe(200)
  })

  test('may be one of PORT_RANGE_HOST, and of the range that only engines behind a VPN use', async () => {
    await start({})
    for (const port of [19_500, 62_100])
      expect((await rig?.provision({}, { host_port: port }))?.status).toBe(200)
  })

  test('is none of ACE_P2P_RANGE', async () => {
    await start({})
    const refused = await rig?.provision({}, { host_port: 8_750 })
    expect(refused?.status).toBe(422)
    expect(JSON.stringify(await refused?.json())).toContain('ACE_P2P_RANGE (8700-9599)')
  })

  test.each([62_062, 8_621])('is refused as wrong where every engine listens besides: %d', async (port) => {
    await start({})
    const refused = await rig?.provision({}, { host_port: port })
    expect(refused?.status).toBe(422)
    expect(await refused?.json()).toMatchObject({
      detail: [{ loc: ['body', 'host_port'], msg: expect.stringContaining('8621') }],
    })
  })
})

describe('a port that is chosen', () => {
  test('is none that another of the engine needs', async () => {
    await start({ PORT_RANGE_HOST: '8620-8622', ACE_HTTPS_RANGE: '8620-8621' })
    const given = [await rig?.provision(), await rig?.provision()]
    expect(await given[0]?.json()).toMatchObject({ host_http_port: 8_622, container_https_port: 8_620 })
    expect(given[1]?.status).toBe(503)
  })

  test('is another after the host refused one, and still none of its others', async () => {
    await start({ PORT_RANGE_HOST: '45000-45002', ACE_HTTPS_RANGE: '45001-45002' })
    rig?.runtime.takePort(45_000)
    expect(await (await rig?.provision())?.json()).toMatchObject({
      host_http_port: 45_001,
      container_https_port: 45_002,
    })
  })

  test('is kept once only when an engine whose ports were one is made anew', async () => {
    const behind = await startBehindVpn(['gluetun'])
    rig = behind.rig
    await rig.provision()
    const { db } = rig.temp.store
    const [made] = liveEngines(db)
    // Labels made by others may say this.
    rig.temp.store.transact((tx) => {
      releaseLeases(tx, made?.id ?? '')
      updateEngine(tx, made?.id ?? '', { httpsPort: 19_000, apiPort: 19_000, p2pPort: 19_000 })
    })
    const [node] = behind.nodes
    await node?.recreate()
    for (let round = 0; round < 12; round++) {
      node?.report()
      await rig.clock.advance(2_000)
      await settled()
    }
    const [again] = liveEngines(db)
    expect(again?.containerId).not.toBe(made?.containerId)
    expect(again).toMatchObject({ httpPort: 19_000, httpsPort: 14_000, apiPort: 62_100, p2pPort: 8_700 })
    expect(leasesIn(db, 'gluetun')).toHaveLength(4)
  })
})

describe('the peer-to-peer port of an engine without a VPN', () => {
  const made = () => liveEngines(rig?.temp.store.db as Db)
  const leased = () => leasesIn(rig?.temp.store.db as Db).map(({ kind, port }) => `${kind} ${port}`)
  const labels = () => rig?.runtime.containers().map((each) => each.labels['acestream.p2p_port'])

  test('is leased, given to the engine, and named by its label', async () => {
    await start({})
    await rig?.provision()
    await rig?.provision()
    expect(made()).toMatchObject([{ p2pPort: 8_700, apiPort: null }, { p2pPort: 8_701 }])
    expect(leased()).toEqual(['http 19000', 'p2p 8700', 'http 19001', 'p2p 8701'])
    expect(labels()).toEqual(['8700', '8701'])
    const spec = rig?.runtime.specOf(made()[1]?.containerId ?? '')
    expect(spec?.env).toMatchObject({ P2P_PORT: '8701', CONF: expect.stringContaining('--port=8701') })
    expect(spec?.env).not.toHaveProperty('API_PORT')
    expect(spec?.ports).toEqual([{ containerPort: 19_001, hostPort: 19_001, protocol: 'tcp' }])
  })

  test('is read from the label when the engine is found without a row, and is leased to no other', async () => {
    const first = await start({})
    await rig?.provision()
    first.temp.store.transact((tx) => {
      for (const { id } of liveEngines(tx)) releaseLeases(tx, id)
      tx.delete(engines).run()
    })
    await rig?.restart()
    await rig?.provision()
    expect(made().map(({ p2pPort, adoptedAt }) => [p2pPort, adoptedAt !== null])).toEqual([
      [8_700, true],
      [8_701, false],
    ])
  })

  test('is missing for an engine of an earlier version, which keeps running', async () => {
    const { temp } = await start({})
    await rig?.provision()
    temp.store.transact((tx) => {
      const [engine] = liveEngines(tx)
      releaseLeases(tx, engine?.id ?? '')
      updateEngine(tx, engine?.id ?? '', { p2pPort: null })
    })
    await rig?.restart()
    expect(made()).toMatchObject([{ p2pPort: null, status: 'starting' }])
    expect(leased()).toEqual(['http 19000'])
  })

  test('is published with PUBLISH_P2P, and another is taken if the host refuses it', async () => {
    await start({ PUBLISH_P2P: 'true' })
    rig?.runtime.takePort(8_700, 'udp')
    expect((await rig?.provision())?.status).toBe(200)
    const [engine] = made()
    expect(engine?.p2pPort).toBe(8_701)
    expect(rig?.runtime.specOf(engine?.containerId ?? '')?.ports).toEqual([
      { containerPort: 19_001, hostPort: 19_001, protocol: 'tcp' },
      { containerPort: 8_701, hostPort: 8_701, protocol: 'tcp', hostAddress: '' },
      { containerPort: 8_701, hostPort: 8_701, protocol: 'udp', hostAddress: '' },
    ])
  })

  test('is left alone by a refusal if it is not published', async () => {
    await start({ ACE_P2P_RANGE: '8700' })
    rig?.runtime.takePort(19_000)
    expect(await (await rig?.provision())?.json()).toMatchObject({ host_http_port: 19_001 })
    expect(made()).toMatchObject([{ p2pPort: 8_700 }])
  })

  test('may be 8621, where engines listen for peers by themselves', async () => {
    await start({ ACE_P2P_RANGE: '8621' })
    expect((await rig?.provision())?.status).toBe(200)
    expect(made()).toMatchObject([{ p2pPort: 8_621 }])
  })

  test('that is lacking refuses the start before it begins, and the status says so', async () => {
    await start({ ACE_P2P_RANGE: '8700' })
    await rig?.provision()
    const refused = await rig?.provision()
    expect(refused?.status).toBe(503)
    expect(JSON.stringify(await refused?.json())).toContain('ACE_P2P_RANGE 8700-8700')
    expect(await rig?.json('GET', '/orchestrator/status')).toMatchObject({
      provisioning: { can_provision: false },
    })
  })

  test.each([
    ['false', 200],
    ['true', 422],
  ])(
    'is kept from containers that are no engines only if it is published (PUBLISH_P2P=%s)',
    async (published, status) => {
      await start({ PUBLISH_P2P: published })
      await rig?.provision()
      const ports = { '80/tcp': 8_700 }
      expect((await rig?.during(rig.request('POST', '/provision', { ports })))?.status).toBe(status)
    },
  )
})

describe('the ports of one engine', () => {
  const NODE = 'gluetun'
  /** Few ports, including a fixed one, so that ranges overlap in every way and run out. */
  const port = fc.integer({ min: 8_617, max: 8_625 })
  const range = fc
    .tuple(port, port)
    .map(([a, b]): PortRange => ({ first: Math.min(a, b), last: Math.max(a, b) }))
  const site = fc.record({
    ranges: fc.record({ host: range, https: range, api: range, p2p: range }),
    mapHttps: fc.boolean(),
    isBehindVpn: fc.boolean(),
    forwarded: fc.option(port),
    refused: fc.array(port, { maxLength: 2 }),
  })
  const found = fc.record({
    httpPort: port,
    httpsPort: port,
    apiPort: fc.option(port),
    p2pPort: fc.option(port),
  })
  type Site = typeof site extends fc.Arbitrary<infer S> ? S : never

  /** The parts that choose ports, on an empty store. */
  function parts({ ranges, mapHttps, isBehindVpn, forwarded, refused }: Site) {
    const onError = (error: unknown): never => {
      throw error
    }
    const settings = {
      isGluetun: true,
      stableMs: 1,
      graceMs: 1,
      controlMaxAgeMs: 1_000,
      portMaxAgeMs: 1_000,
      onError,
    }
    const nodes = new VpnNodes(
      isBehindVpn ? [{ name: NODE, ports: ranges.host, fixedPorts: [], ownPorts: [] }] : [],
      settings,
      0,
    )
    const said = { status: 'running', publicIp: null, country: null, region: null, city: null } as const
    nodes.noteContainer(NODE, nodeContainer(), 5_000)
    nodes.noteControl(NODE, {
      ...said,
      atMs: 5_000,
      forwardedPorts: forwarded === null ? [] : [forwarded],
      problem: null,
    })
    nodes.judge(NODE, { engines: 0, connections: [], flows: [] }, 5_000)
    const ports = new PortBook(ranges)
    const scope = isBehindVpn ? NODE : 'host'
    for (const each of refused) ports.refuse(scope, each, 5_000)
    const placer = new Placer({ ports, nodes, hosts: null })
    const store = createStore(new Database(':memory:', { strict: true }))
    return {
      store,
      ports,
      placer,
      enginePorts: new EnginePorts({ ports, placer, template: { ...template, mapHttps } }),
      scope,
    }
  }

  const draftOf = (id: string, scope: string, hostPort: number | null): Engine =>
    engine({
      ...{ id, name: id, containerId: null, scope, vpnNode: scope === NODE ? NODE : null },
      request: { ...plainRequest, hostPort },
    })

  const ownOf = ({ vpnNode, httpPort, httpsPort, apiPort, p2pPort }: Engine): number[] => [
    ...[httpPort, httpsPort],
    ...[apiPort, p2pPort].flatMap((each) => each ?? []),
    ...(vpnNode === null ? NOT_FOR_PEERS : []),
  ]
  const expectDistinct = (one: Engine): void => {
    const own = ownOf(one)
    expect(new Set(own).size).toBe(own.length)
    if (one.vpnNode !== null) return
    expect(FIXED_PORTS).not.toContain(one.httpPort)
    expect(FIXED_PORTS).not.toContain(one.httpsPort)
  }

  /** Creates the engine and takes its ports. Returns null if that is refused, and throws any other error. */
  function unlessRefused(
    store: Store,
    draft: Engine,
    ports: () => Partial<Engine>,
    take: Take,
  ): Engine | null {
    try {
      return store.transact((tx) => {
        const made = { ...draft, ...ports() }
        take(tx, made)
        return made
      })
    } catch (error) {
      if (error instanceof ProvisionRefused) return null
      throw error
    }
  }
  type Take = (tx: Db, made: Engine) => void

  test('are all different, or the request is refused', () => {
    fc.assert(
      fc.property(site, fc.array(fc.option(port), { maxLength: 4 }), (given, wishes) => {
        const { store, placer, enginePorts, scope } = parts(given)
        const { db } = store
        const take: Take = (tx, made) => {
          insertEngine(tx, made)
          enginePorts.take(tx, made, 5_000)
        }
        for (const [index, wish] of wishes.entries()) {
          const draft = draftOf(`engine-${index}`, scope, wish)
          if (placer.taken(db, { request: draft.request, isOwn: true }, 5_000) !== null) continue
          const made = unlessRefused(store, draft, () => enginePorts.free(db, draft, index, 5_000), take)
          if (made !== null) expectDistinct(made)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('are all different also when it is moved to others, or made anew with those that it had', () => {
    fc.assert(
      fc.property(site, found, (given, old) => {
        const { store, enginePorts, scope } = parts(given)
        const { db } = store
        const had = { ...draftOf('engine-1', scope, null), ...old }
        insertEngine(db, had)
        const take: Take = (tx, made) => enginePorts.take(tx, made, 5_000)
        if (given.isBehindVpn) {
          const kept = unlessRefused(store, had, () => enginePorts.kept(db, had, 5_000), take)
          if (kept !== null) expectDistinct(kept)
        }
        releaseLeases(db, had.id)
        // `moved` takes the ports itself.
        const moved = unlessRefused(
          store,
          had,
          () => enginePorts.moved(db, had, 5_000),
          () => undefined,
        )
        if (moved !== null) expectDistinct(moved)
      }),
      { numRuns: 300 },
    )
  })

  test('are found wherever the ranges have them', () => {
    fc.assert(
      fc.property(site, (given) => {
        const ranges = { ...given.ranges, p2p: { first: 9_000, last: 9_000 } }
        const { store, placer, enginePorts, scope } = parts({
          ...given,
          ...{ ranges, isBehindVpn: false, refused: [] },
        })
        const draft = draftOf('engine-1', scope, null)
        const { host, https } = given.ranges
        const inside = (each: PortRange): number[] =>
          Array.from({ length: each.last - each.first + 1 }, (_, index) => each.first + index).filter(
            (one) => !FIXED_PORTS.includes(one),
          )
        const isPossible = inside(host).some((one) => inside(https).some((other) => other !== one))
        const made = unlessRefused(
          store,
          draft,
          () => enginePorts.free(store.db, draft, 0, 5_000),
          () => undefined,
        )
        // If HTTPS ports are published, the configuration must keep the two ranges apart.
        if (!given.mapHttps) expect(made !== null).toBe(isPossible)
        if (inside(https).length > 0)
          expect(placer.taken(store.db, { request: draft.request, isOwn: true }, 5_000) === null).toBe(
            isPossible,
          )
      }),
    )
  })
})
