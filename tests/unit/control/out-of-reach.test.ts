import { afterEach, describe, expect, test } from 'bun:test'
import { breakerNamed } from '../../../src/store/breakers.ts'
import { liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { GATEWAY } from '../../support/memory-container.ts'
import { IMAGE, Rig } from '../../support/rig.ts'
import { listening, tableAnswer } from '../../support/tcp-tables.ts'
import { settled } from '../../support/virtual-clock.ts'

/*
 * Engines that are where we, or the proxies, do not reach them, because a setting was changed after they were made: what
 * users are told of them, and what becomes of them.
 */

let rig: Rig
afterEach(() => rig.dispose())

const PORT = 19_000
const OWN = { HEALTH_REPLACEMENT_COOLDOWN_S: '3600', DRAIN_HIDE_S: '5', MAX_REPLICAS: '3' }

const HOUSE = {
  ...{ name: 'house', image: IMAGE, env: {}, labels: {}, ports: [], publishAddress: '' },
  ...{ memoryBytes: null, cpus: null },
}

/** Roundhouse in a container `house` in the network `media`, and engines that were made on the default bridge. */
async function inMedia(engines: number, env: Readonly<Record<string, string>> = {}): Promise<void> {
  rig = new Rig({ ...OWN, ...env }, undefined, { container: 'house', gateway: () => GATEWAY })
  rig.runtime.addNetwork('media')
  rig.runtime.startOutside(rig.runtime.createOutside({ ...HOUSE, network: 'media' }))
  await rig.start()
  for (let at = 0; at < engines; at++) await rig.provision()
}

/** The engines have answered before, of which nothing is known after the restart with this setting. */
async function restartedWith(env: Readonly<Record<string, string>>): Promise<void> {
  for (const { hostHttpPort } of liveEngines(rig.temp.store.db))
    rig.health.report(hostHttpPort, true, rig.clock.now())
  await settled()
  // Long enough that no caller's stream is expected any more.
  await rig.clock.advance(30_000)
  await rig.restart(env)
}

/** An answer of an engine, or none, and the time after which it is judged. */
async function probed(port: number, ok: boolean): Promise<void> {
  rig.health.report(port, ok, rig.clock.now())
  await rig.clock.advance(2_100)
}

interface Status {
  readonly status: string
  readonly provisioning: { readonly can_provision: boolean }
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}
const status = () => rig.json<Status>('GET', '/orchestrator/status')
const warned = async (code = 'engines_unreachable') =>
  (await status()).warnings.filter((each) => each.code === code)
interface Shown {
  readonly container_name: string
  readonly listed: boolean
  readonly reason: string | null
  readonly health_status: string
}
const listed = async () =>
  (await rig.json<readonly Shown[]>('GET', '/engines')).map((each) => each.container_name)
const shown = async (name: string) =>
  (await rig.json<readonly Shown[]>('GET', '/engines?status=all')).find(
    (each) => each.container_name === name,
  )
const journal = (kind: string) => newestJournal(rig.temp.store.db, 200).filter((each) => each.kind === kind)
const live = () => liveEngines(rig.temp.store.db)
const [AUTO, MEDIA] = [{ DOCKER_NETWORK: 'auto' }, { DOCKER_NETWORK: 'media' }]

describe('engines in a network that we have left', () => {
  test.each([AUTO, MEDIA])('are named and hidden as soon as they have not answered: %p', async (setting) => {
    await inMedia(1)
    await restartedWith(setting)
    expect(await warned()).toEqual([])
    await probed(PORT, false)
    expect(await warned()).toMatchObject([
      {
        message:
          'acestream-1 is in bridge, where Roundhouse (media) is not, and out of its reach: hidden from proxies, and replaced when idle',
        remedy: 'wait some minutes; to hurry: DELETE /containers/acestream-1',
      },
    ])
    expect(await listed()).toEqual([])
  })

  test('say why they are not listed, while one has viewers that nobody reported', async () => {
    await inMedia(1)
    updateEngine(rig.temp.store.db, live()[0]?.id ?? '', { adoptedAt: rig.clock.now() })
    await restartedWith(MEDIA)
    await probed(PORT, false)
    expect(await shown('acestream-1')).toMatchObject({
      ...{ listed: false, reason: 'it is in no network of Roundhouse, and does not answer it' },
      health_status: 'unknown',
    })
    await rig.clock.advance(20_000)
    expect(live()).toMatchObject([{ status: 'ready', drainCause: null }])
    expect(await warned()).toHaveLength(1)
  })

  test('make way at once when they are idle, all of them, and for engines that we reach', async () => {
    await inMedia(3)
    await restartedWith({ ...MEDIA, MIN_REPLICAS: '2' })
    for (const port of [PORT, PORT + 1, PORT + 2]) await probed(port, false)
    await rig.clock.advance(10_000)
    expect(journal('engine.draining')).toHaveLength(3)
    expect(journal('engine.draining')[0]?.detail).toMatchObject({ cause: 'outdated', rule: 'outdated' })
    expect(live().map(({ networks }) => networks)).toEqual([['media'], ['media']])
    expect(await warned()).toEqual([])
  })

  test('stay where nothing can be started in their place', async () => {
    await inMedia(1)
    await restartedWith({ ...MEDIA, TARGET_IMAGE: 'missing:1', PULL: 'never' })
    await probed(PORT, false)
    await rig.clock.advance(20_000)
    expect(live()).toMatchObject([{ name: 'acestream-1', status: 'ready' }])
  })

  test('are left alone and listed while a stream plays, however long they do not answer', async () => {
    await inMedia(1)
    await rig.play(PORT)
    await restartedWith(MEDIA)
    for (let times = 0; times < 10; times++) {
      await probed(PORT, false)
      await rig.clock.advance(28_000)
    }
    expect(live()).toMatchObject([{ name: 'acestream-1', status: 'ready', drainCause: null }])
    expect(await listed()).toEqual(['acestream-1'])
    expect(await warned()).toHaveLength(1)
  })

  test('are kept for viewers whom nobody reported, by the connections that they hold', async () => {
    await inMedia(1)
    await restartedWith(MEDIA)
    const held = { localPort: PORT, peer: '192.0.2.9', peerPort: 40_000 }
    rig.runtime.commandOf = () => tableAnswer([held])
    for (let times = 0; times < 10; times++) await probed(PORT, false)
    await rig.clock.advance(60_000)
    expect(live().find(({ name }) => name === 'acestream-1')).toMatchObject({ status: 'draining' })
  })

  test('are as good as any once they answer, at whatever address', async () => {
    await inMedia(1)
    await restartedWith(AUTO)
    await probed(PORT, true)
    expect([await warned(), await listed()]).toEqual([[], ['acestream-1']])
    await probed(PORT, false)
    expect([await warned(), await listed()]).toEqual([[], ['acestream-1']])
  })

  test('are no fault of the image, if they have never answered, and give no other advice', async () => {
    await inMedia(2)
    await rig.clock.advance(30_000)
    rig.runtime.commandOf = () => ({ exitCode: 0, output: listening(['127.0.0.1:6878']) })
    await rig.restart({ ...MEDIA, MIN_REPLICAS: '1' })
    await rig.clock.advance(4_000)
    expect(await warned()).toEqual([])
    await rig.clock.advance(20_000)
    const failed = journal('engine.failed')
    expect(failed).toHaveLength(2)
    expect(failed[0]?.detail).toMatchObject({
      rule: 'never_answered',
      reason: expect.stringContaining('out of reach where it is'),
    })
    // The new one is alike, and is told of where we reach it.
    for (const { message } of await warned('engine_silent')) expect(message).toContain('acestream-3')
    expect(breakerNamed(rig.temp.store.db, 'general').failures).toBe(0)
    expect(live().map(({ networks }) => networks)).toEqual([['media']])
  })

  test('are given to no caller', async () => {
    await inMedia(0, { MIN_REPLICAS: '1' })
    await rig.clock.advance(30_000)
    await rig.restart({ ...MEDIA, MIN_REPLICAS: '1', STARTUP_TIMEOUT_S: '900' })
    rig.runtime.commandOf = () => ({ exitCode: 126, output: '' })
    await rig.clock.advance(6_000)
    expect(await warned()).toHaveLength(1)
    const given = (await (await rig.provision()).json()) as { readonly container_name: string }
    expect(given.container_name).not.toBe('acestream-1')
  })
})

describe('the status', () => {
  test('is degraded while no engine is reached, though one can be started', async () => {
    await inMedia(2, { MIN_REPLICAS: '0' })
    await rig.play(PORT)
    await restartedWith(MEDIA)
    await probed(PORT, false)
    expect(await status()).toMatchObject({ status: 'degraded', provisioning: { can_provision: true } })
    await rig.provision()
    const reached = live().at(-1)?.hostHttpPort ?? 0
    await probed(reached, true)
    expect(await warned()).toHaveLength(1)
    expect(await status()).toMatchObject({ status: 'healthy' })
  })

  test('is degraded at once where no engine will be reached', async () => {
    await inMedia(0)
    expect(await status()).toMatchObject({ status: 'degraded', provisioning: { can_provision: true } })
  })
})

describe('where new engines are out of reach as well', () => {
  test('those that answered before our own network was left are hidden, and not replaced as unhealthy', async () => {
    await inMedia(1, { ...MEDIA, HEALTH_UNHEALTHY_GRACE_PERIOD_S: '5' })
    await rig.clock.advance(30_000)
    await probed(PORT, true)
    rig.runtime.addNetwork('web')
    const [house] = rig.runtime.containers()
    rig.runtime.removeOutside(house?.id ?? '')
    rig.runtime.startOutside(rig.runtime.createOutside({ ...HOUSE, network: 'web' }))
    await rig.clock.advance(6_000)
    expect(await listed()).toEqual(['acestream-1'])
    for (let times = 0; times < 10; times++) await probed(PORT, false)
    expect(await listed()).toEqual([])
    expect(await warned()).toMatchObject([
      { remedy: expect.stringContaining('docker network connect media house') },
    ])
    expect(live()).toMatchObject([{ name: 'acestream-1', status: 'ready' }])
  })

  const FEW = { STARTUP_TIMEOUT_S: '20', MIN_REPLICAS: '1', CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1' }

  test('the next POST still gives a listed engine, which is hidden when nobody came', async () => {
    await inMedia(1)
    await rig.clock.advance(6_000)
    expect(await listed()).toEqual(['acestream-1'])
    await rig.clock.advance(20_000)
    expect(await listed()).toEqual([])
  })

  test('none counts for the breaker, and the next one is started later, or when the networks are joined', async () => {
    await inMedia(0, FEW)
    await rig.clock.advance(30_000)
    expect(journal('engine.failed')).toHaveLength(1)
    expect(journal('engine.failed')[0]?.detail).not.toHaveProperty('breaker')
    expect(breakerNamed(rig.temp.store.db, 'general')).toMatchObject({ state: 'closed', failures: 0 })
    expect(live()).toEqual([])
    await rig.clock.advance(60_000)
    expect(live()).toHaveLength(1)
  })

  test('none counts either that has hardly any time to answer', async () => {
    await inMedia(0, { ...FEW, STARTUP_TIMEOUT_S: '3' })
    await rig.clock.advance(10_000)
    expect(journal('engine.failed')).toHaveLength(1)
    expect(breakerNamed(rig.temp.store.db, 'general')).toMatchObject({ state: 'closed', failures: 0 })
  })

  test('an engine that ends by itself is still its own fault', async () => {
    await inMedia(0, FEW)
    await rig.clock.advance(8_000)
    rig.runtime.kill(live()[0]?.containerId ?? '')
    await rig.clock.advance(5_000)
    expect(breakerNamed(rig.temp.store.db, 'general')).toMatchObject({ state: 'open' })
  })
})

describe('the gateway of our own network', () => {
  const asked = () => rig.health.targets.map(({ addresses }) => addresses.map(({ host }) => host))
  const OPEN = { PUBLISH_ADDRESS: '0.0.0.0' }

  test('is asked for engines elsewhere whose ports all addresses of the host have', async () => {
    await inMedia(1, OPEN)
    await rig.clock.advance(500)
    expect(asked()).toEqual([['127.0.0.1', GATEWAY, '172.17.0.3']])
  })

  test('leads to an engine that answers there, which is as good as any', async () => {
    await inMedia(1, OPEN)
    await probed(PORT, true)
    expect([await warned(), await listed()]).toEqual([[], ['acestream-1']])
    expect(await status()).toMatchObject({ status: 'healthy' })
  })

  test.each([{}, { ...OPEN, DOCKER_NETWORK: 'media' }])('is not asked otherwise: %p', async (env) => {
    await inMedia(1, env)
    await rig.clock.advance(500)
    expect(asked().flat()).not.toContain(GATEWAY)
  })
})

describe('engines that are listed by a name which means nothing where they are', () => {
  const BY_NAME = { ENGINE_ADVERTISE: 'container' }
  const WORDS = 'where the names that proxies are told mean nothing'

  test('are named, hidden and replaced when idle once new ones have names, though they answer us', async () => {
    await inMedia(2, BY_NAME)
    await restartedWith({ ...BY_NAME, DOCKER_NETWORK: 'media', MIN_REPLICAS: '1' })
    await probed(PORT, true)
    await probed(PORT + 1, true)
    expect(await warned()).toMatchObject([
      { message: expect.stringContaining(`acestream-1, acestream-2 are in bridge, ${WORDS}`) },
    ])
    expect(await listed()).toEqual([])
    await rig.clock.advance(15_000)
    expect(live().map(({ networks }) => networks)).toEqual([['media']])
    expect(await warned()).toEqual([])
  })

  test('are listed all the same while new ones would fare alike', async () => {
    await inMedia(1, BY_NAME)
    await restartedWith(BY_NAME)
    await probed(PORT, true)
    expect(await listed()).toEqual(['acestream-1'])
    expect((await warned()).every(({ message }) => !message.includes(WORDS))).toBe(true)
  })

  test('do not count while they wait for viewers whom nobody reported: others are started at once', async () => {
    await inMedia(1, BY_NAME)
    updateEngine(rig.temp.store.db, live()[0]?.id ?? '', { adoptedAt: rig.clock.now() })
    await restartedWith({ ...BY_NAME, DOCKER_NETWORK: 'media', MIN_REPLICAS: '1' })
    await probed(PORT, true)
    expect(live().map(({ networks }) => networks)).toEqual([['bridge'], ['media']])
  })
})

describe('engines whose ports are published where proxies are not sent', () => {
  const TOLD = { ADVERTISE_HOST: '192.0.2.2' }
  const SENT = 'its port is not published at the address that proxies are told'

  /** Engines for this machine alone, and then another setting. */
  async function published(engines: number, first: Readonly<Record<string, string>>): Promise<void> {
    rig = await new Rig({ ...OWN, ...first }).start()
    for (let at = 0; at < engines; at++) await rig.provision()
  }

  test('are named, hidden and replaced when idle, though they answer us', async () => {
    await published(1, {})
    await rig.play(PORT)
    await restartedWith({ ...TOLD, MIN_REPLICAS: '1' })
    await probed(PORT, true)
    const [warning] = await warned()
    expect(warning).toMatchObject({
      message:
        'acestream-1 publishes no port at 192.0.2.2, which proxies are told: hidden from proxies, and replaced when idle',
      remedy: 'wait some minutes; to hurry: DELETE /containers/acestream-1',
    })
    expect(await shown('acestream-1')).toMatchObject({ listed: true })
    expect((await status()).status).toBe('degraded')
    await rig.json('POST', '/events/stream_ended', { stream_id: 'key|session', reason: 'done' })
    await rig.clock.advance(500)
    expect(await shown('acestream-1')).toMatchObject({ listed: false })
    // The engine says that the session is over.
    for (let times = 0; times < 3; times++) await rig.say(1, 'ended')
    await rig.clock.advance(40_000)
    expect(live().map(({ name }) => name)).toEqual(['acestream-2'])
    expect(await warned()).toEqual([])
  })

  test('are still told of if they are silent by their own fault', async () => {
    await published(1, {})
    rig.runtime.commandOf = () => ({ exitCode: 0, output: listening(['127.0.0.1:6878']) })
    await rig.clock.advance(1_000)
    await rig.restart({ ...TOLD, MIN_REPLICAS: '0' })
    await rig.clock.advance(8_000)
    expect(await warned('engine_silent')).toMatchObject([
      { message: expect.stringContaining('acestream-1'), remedy: expect.stringContaining('ENGINE_CMD') },
    ])
  })

  test('are so the other way round', async () => {
    await published(1, { ...TOLD, PUBLISH_ADDRESS: '192.0.2.2' })
    await restartedWith({ ADVERTISE_HOST: '127.0.0.1', PUBLISH_ADDRESS: '' })
    await rig.clock.advance(100)
    expect(await shown('acestream-1')).toMatchObject({ listed: false })
    expect(await warned()).toHaveLength(1)
  })

  test.each([
    [{ PUBLISH_ADDRESS: '0.0.0.0' }, TOLD],
    [{ ADVERTISE_HOST: '192.0.2.3', PUBLISH_ADDRESS: '192.0.2.3' }, TOLD],
    [{}, { ADVERTISE_HOST: 'host.example' }],
    [{}, { ADVERTISE_HOST: 'localhost' }],
    [{}, { ...TOLD, ENGINE_ADVERTISE: 'ip' }],
  ] as const)('are not where the told address may lead to them: %p, then %p', async (first, then) => {
    await published(1, first)
    await rig.play(PORT)
    await restartedWith(then)
    await probed(PORT, true)
    expect(await warned()).toEqual([])
  })

  test('have the sentence for why', async () => {
    await published(1, {})
    updateEngine(rig.temp.store.db, live()[0]?.id ?? '', { adoptedAt: rig.clock.now() })
    await restartedWith(TOLD)
    await probed(PORT, true)
    expect((await shown('acestream-1'))?.reason).toBe(SENT)
  })
})
