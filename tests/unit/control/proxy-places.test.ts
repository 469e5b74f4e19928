import { afterEach, describe, expect, test } from 'bun:test'
import type { OwnSurroundings } from '../../../src/control/containers/own-places.ts'
import { GATEWAY } from '../../support/memory-container.ts'
import { AS_ACEXY, IMAGE, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* From which containers proxies ask, and what is said before one of them fails. */

interface Told {
  readonly proxies: {
    readonly last_heard: string | null
    readonly heard: readonly { readonly address: string; readonly container: string | null }[]
  }
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}

let rig: Rig
afterEach(() => rig.dispose())

async function start(env: Record<string, string> = {}, self?: OwnSurroundings): Promise<void> {
  rig = new Rig(env, undefined, self)
  for (const network of ['media', 'tv']) rig.runtime.addNetwork(network)
  if (self?.container) run(self.container, 'media')
  await rig.start()
  await pass(5)
}

/** Starts a container of somebody else. Returns its address. */
function run(name: string, network: string | null): string {
  const spec = { name, image: IMAGE, env: {}, labels: {}, ports: [], publishAddress: '' }
  const id = rig.runtime.createOutside({ ...spec, network, memoryBytes: null, cpus: null })
  rig.runtime.startOutside(id)
  return rig.runtime.containers().find((each) => each.id === id)?.address ?? ''
}

/** Lets time pass while all engines answer. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    for (const { addresses } of rig.health.targets)
      rig.health.report(addresses[0]?.port ?? 0, true, rig.clock.now())
    await settled()
  }
}

const ask = (init: RequestInit = AS_ACEXY) => rig.request('GET', '/orchestrator/status', undefined, init)

/** acexy in a container of this network asks, as it does every 30 s. */
async function acexyIn(network: string | null): Promise<string> {
  const address = run('acexy', network)
  rig.comeFrom(address)
  await ask()
  await pass(6)
  return address
}

const status = () => rig.json<Told>('GET', '/orchestrator/status')
const warned = async (code: string) => (await status()).warnings.find((each) => each.code === code)
const unreached = () => warned('engines_unreached')

describe('the container of a proxy', () => {
  test('is found by the address of its requests, with its networks', async () => {
    await start()
    const address = await acexyIn('media')
    expect((await status()).proxies.heard).toMatchObject([
      { address, container: 'acexy', networks: ['media'], last_heard: (await status()).proxies.last_heard },
    ])
  })

  test('is asked for once, and not in the way of the request', async () => {
    await start()
    let asked = 0
    const { runtime } = rig
    const find = runtime.containerAt.bind(runtime)
    runtime.containerAt = (...args) => {
      asked++
      return find(...args)
    }
    rig.comeFrom(run('acexy', 'media'))
    for (let at = 0; at < 3; at++) await ask()
    expect(asked).toBe(0)
    for (let at = 0; at < 10; at++) {
      await pass(10)
      await ask()
    }
    expect(asked).toBe(1)
  })

  test('is not known where an address is no container’s, as of a published port', async () => {
    await start()
    rig.comeFrom(GATEWAY)
    await ask()
    await pass(6)
    expect((await status()).proxies.heard).toMatchObject([
      { address: GATEWAY, container: null, networks: [] },
    ])
  })

  test.each([
    [
      'of a reverse proxy, which says so',
      { headers: { ...AS_ACEXY.headers, 'x-forwarded-for': '10.0.0.9' } },
    ],
    ['of a client that is no proxy', { headers: { 'user-agent': 'Grafana/11' } }],
  ])('is not that %s', async (_, init) => {
    await start()
    rig.comeFrom(run('traefik', 'media'))
    await ask(init)
    await pass(6)
    expect((await status()).proxies.heard).toEqual([])
  })

  test('is not looked for in a Docker of another machine', async () => {
    await start({ DOCKER_HOST: 'tcp://192.168.1.20:2375' })
    const address = await acexyIn('media')
    expect((await status()).proxies.heard).toMatchObject([{ address, container: null }])
  })

  test('is found once Docker answers again, and known anew where its address has another one', async () => {
    await start()
    rig.runtime.goDown()
    const address = await acexyIn('media')
    expect((await status()).proxies.heard).toMatchObject([{ container: null }])
    rig.runtime.comeUp()
    await pass(6)
    expect((await status()).proxies.heard).toMatchObject([{ container: 'acexy' }])
    rig.runtime.removeOutside('acexy')
    expect(run('other', 'tv')).toBe(address)
    await pass(20)
    expect((await status()).proxies.heard).toMatchObject([{ container: 'other', networks: ['tv'] }])
  })

  test('is one of eight at most, the newest first', async () => {
    await start()
    for (let at = 1; at <= 12; at++) {
      rig.comeFrom(`::ffff:192.168.1.${at}`)
      await ask()
      await rig.clock.advance(10)
    }
    const { heard } = (await status()).proxies
    expect([heard.length, heard[0]?.address]).toEqual([8, '192.168.1.12'])
  })
})

describe('a proxy in a container that cannot reach what it is told', () => {
  test('is told before it tries: it is in another network', async () => {
    await start({ MIN_REPLICAS: '1', DOCKER_NETWORK: 'media' })
    await acexyIn('tv')
    const warning = await unreached()
    expect(warning?.message).toStartWith('a proxy runs in the container acexy (tv) and is told acestream-1:')
    expect(warning?.message).toContain('in another network (media)')
    expect(warning?.remedy).toStartWith('run: docker network connect media acexy')
  })

  test('is told before it tries: localhost is itself', async () => {
    await start({ MIN_REPLICAS: '1', DOCKER_NETWORK: 'media', ENGINE_ADVERTISE: 'host' })
    await acexyIn('media')
    const warning = await unreached()
    expect(warning?.message).toContain('which is that container itself there')
    expect(warning?.remedy).toStartWith('leave out ENGINE_ADVERTISE=host; or give acexy the host')
  })

  test('reaches it in the same network, with the network of the host, or from an address that says nothing', async () => {
    await start({ MIN_REPLICAS: '1', DOCKER_NETWORK: 'media' })
    await acexyIn('media')
    expect(await unreached()).toBeUndefined()
    await rig.dispose()
    await start({ MIN_REPLICAS: '1' })
    for (const address of ['127.0.0.1', GATEWAY, '192.168.1.9']) {
      rig.comeFrom(address)
      await ask()
      await pass(6)
    }
    expect(await unreached()).toBeUndefined()
  })

  test('is proved to reach it by a stream that begins, until it is in another place', async () => {
    await start({ MIN_REPLICAS: '1', DOCKER_NETWORK: 'media' })
    await acexyIn('tv')
    const [engine] = await rig.json<{ port: number }[]>('GET', '/engines')
    expect(await unreached()).toBeDefined()
    await rig.play(engine?.port ?? 0, 'a')
    expect(await unreached()).toBeUndefined()
    await pass(20)
    await ask()
    expect(await unreached()).toBeUndefined()
    await rig.json('POST', '/events/stream_ended', { stream_id: 'a', reason: 'x' })
    rig.runtime.removeOutside('acexy')
    await acexyIn('tv')
    await pass(20)
    expect(await unreached()).toBeDefined()
  })

  test('is no longer told of once it has not asked for two minutes', async () => {
    await start({ MIN_REPLICAS: '1', DOCKER_NETWORK: 'media' })
    await acexyIn('tv')
    expect(await unreached()).toBeDefined()
    await pass(120)
    expect(await unreached()).toBeUndefined()
  })
})

describe('a proxy in a container with a network of its own', () => {
  const needed = () => warned('free_engine_needed')

  test('needs a free engine, because after a POST it goes to localhost', async () => {
    await start({ DOCKER_NETWORK: 'media' })
    expect(await needed()).toBeUndefined()
    await acexyIn('media')
    expect(await needed()).toMatchObject({
      message: expect.stringContaining('in the container acexy (media) and MIN_FREE_REPLICAS is 0'),
      remedy: expect.stringContaining('set MIN_FREE_REPLICAS=1'),
    })
  })

  test.each([
    ['where one is kept', { MIN_FREE_REPLICAS: '1' }, 'acexy'],
    [
      'in the network of the VPN container',
      { GLUETUN_CONTAINER_NAME: 'gluetun', GLUETUN_PORT_RANGE: '19000-19019' },
      'gluetun',
    ],
  ])('needs none %s', async (_, env: Record<string, string>, name) => {
    await start(env)
    rig.comeFrom(run(name, 'media'))
    await ask()
    await pass(6)
    expect((await status()).proxies.heard).toMatchObject([{ container: name }])
    expect(await needed()).toBeUndefined()
  })

  test('is none where it has the network of the host', async () => {
    await start()
    rig.comeFrom('127.0.0.1')
    await ask()
    await pass(6)
    expect(await needed()).toBeUndefined()
  })
})

describe('when no proxy asks', () => {
  const silent = () => warned('no_proxy_heard')

  test('for two minutes after the start, it is said, and ends with the first request', async () => {
    await start({ MIN_REPLICAS: '1' })
    await pass(110)
    expect(await silent()).toBeUndefined()
    await pass(11)
    expect(await silent()).toMatchObject({
      message: expect.stringContaining('no proxy has asked for an engine or the status since the start'),
      remedy: expect.stringContaining('in a container localhost is acexy itself'),
    })
    await ask()
    expect(await silent()).toBeUndefined()
  })

  test('any more, the last time is said', async () => {
    await start()
    await pass(100)
    await ask()
    await pass(100)
    expect(await silent()).toBeUndefined()
    await pass(30)
    expect((await silent())?.message).toContain(`since ${(await status()).proxies.last_heard}`)
  })

  test('nothing is said while it would get no engine', async () => {
    await start()
    rig.runtime.goDown()
    await pass(130)
    expect(await silent()).toBeUndefined()
    rig.runtime.comeUp()
    await pass(20)
    expect(await silent()).toBeDefined()
  })

  test('the name of our container is said where both may share a network', async () => {
    await start({ BIND: '0.0.0.0', ALLOW_NO_KEY: 'true' }, { container: 'house', gateway: () => GATEWAY })
    await pass(130)
    expect((await silent())?.remedy).toStartWith(
      'set ACEXY_ORCH_URL of acexy to http://house:8000 in a container in media (',
    )
  })
})
