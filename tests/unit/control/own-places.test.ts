import { afterEach, describe, expect, test } from 'bun:test'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { liveEngines } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { GATEWAY } from '../../support/memory-container.ts'
import { IMAGE, Rig } from '../../support/rig.ts'
import { listening } from '../../support/tcp-tables.ts'

/* Roundhouse in a container: which networks it shares with engines, and what it says where it shares none. */

let rig: Rig
afterEach(() => rig.dispose())

/** Roundhouse in a container `house` in this network. */
async function inside(network: string | null, env: Record<string, string> = {}): Promise<void> {
  rig = new Rig(env, undefined, { container: 'house', gateway: () => GATEWAY })
  for (const each of ['media', 'web']) rig.runtime.addNetwork(each)
  const spec = { name: 'house', image: IMAGE, env: {}, labels: {}, ports: [], publishAddress: '' }
  rig.runtime.startOutside(rig.runtime.createOutside({ ...spec, network, memoryBytes: null, cpus: null }))
  await rig.start()
  await rig.clock.advance(1_000)
}

interface Warned {
  readonly code: string
  readonly message: string
  readonly remedy: string
}
const warned = async () => {
  const { warnings } = await rig.json<{ readonly warnings: readonly Warned[] }>('GET', '/orchestrator/status')
  return warnings.filter(({ code }) => ['engines_unreachable', 'network_not_found'].includes(code))
}
const networks = () => liveEngines(rig.temp.store.db).map((engine) => engine.networks)

describe('apart from the engines', () => {
  const NO_WAY = {
    code: 'engines_unreachable',
    message:
      "Roundhouse runs in the container house (media), which shares no network with engines (Docker's default bridge): " +
      'it reaches no engine there',
    remedy: 'set DOCKER_NETWORK=media, or DOCKER_NETWORK=auto, so that engines join it',
  }

  test('it says so at the start, in the status and the summary, with the remedy', async () => {
    await inside('media')
    expect(await warned()).toMatchObject([NO_WAY])
    expect(rig.logged.find((line) => line.startsWith('ready: '))).toContain('engines_unreachable')
  })

  test('no engine is taken for dead without that advice', async () => {
    await inside('media', { MIN_REPLICAS: '1', MAX_REPLICAS: '1', STARTUP_TIMEOUT_S: '20' })
    rig.runtime.commandOf = () => ({ exitCode: 0, output: listening(['0.0.0.0:19000', '0.0.0.0:19001']) })
    await rig.clock.advance(40_000)
    const failed = newestJournal(rig.temp.store.db, 50).find(({ kind }) => kind === 'engine.failed')
    expect(failed?.detail.reason).toContain('something listens on its port')
    expect(failed?.detail.reason).toContain(NO_WAY.remedy)
  })

  test('an engine that answers all the same ends the warning', async () => {
    await inside('media')
    await rig.provision()
    rig.health.report(19_000, true, rig.clock.now())
    await rig.clock.advance(6_000)
    expect(await warned()).toEqual([])
  })

  test('it says nothing where it may reach the host at the address that proxies are told', async () => {
    await inside('media', { ADVERTISE_HOST: '192.168.1.10' })
    expect(await warned()).toEqual([])
  })

  test.each([
    ['media', 'media'],
    [null, null],
  ] as const)('nothing is said in the network of the engines (%p)', async (network, setting) => {
    await inside(network, setting === null ? {} : { DOCKER_NETWORK: setting })
    expect(await warned()).toEqual([])
  })

  test('the network of another setting is named, with the command that joins it', async () => {
    await inside('web', { DOCKER_NETWORK: 'media' })
    expect(await warned()).toMatchObject([
      {
        message: expect.stringContaining('(media)'),
        remedy: expect.stringContaining('docker network connect media house'),
      },
    ])
  })
})

describe('DOCKER_NETWORK=auto', () => {
  const AUTO = { DOCKER_NETWORK: 'auto' }

  test('joins engines to our own network, where proxies are told their names', async () => {
    await inside('media', AUTO)
    expect((await rig.provision()).status).toBe(200)
    expect(networks()).toEqual([['media']])
    expect(await rig.json<object[]>('GET', '/engines?status=all')).toMatchObject([
      { host: 'acestream-1', port: 19_000 },
    ])
    expect(await warned()).toEqual([])
    expect(rig.logged).toContain('engines join media {"network":"media"}')
  })

  test('joins other containers to it as well', async () => {
    await inside('media', AUTO)
    const made = await rig.during(rig.request('POST', '/provision', { image: IMAGE }))
    expect(made.status).toBe(200)
    expect(rig.runtime.containers().at(-1)?.networks).toEqual(['media'])
  })

  test('leaves them on the default bridge where we have no network of our own', async () => {
    await inside(null, AUTO)
    await rig.provision()
    expect(networks()).toEqual([['bridge']])
    expect(await warned()).toEqual([])
  })

  test('is said to have found nothing where we run in no container', async () => {
    rig = await new Rig(AUTO).start()
    await rig.provision()
    expect(networks()).toEqual([['bridge']])
    expect(await warned()).toMatchObject([
      { code: 'network_not_found', remedy: expect.stringContaining('leave DOCKER_NETWORK out') },
    ])
  })

  test('starts no engine elsewhere while it is not known where we are', async () => {
    rig = new Rig(AUTO, undefined, { container: 'house', gateway: () => null })
    rig.runtime.inspect = () => Promise.reject(new RuntimeFailure('unreachable', 'no answer'))
    await rig.start()
    const answer = await rig.provision()
    expect([answer.status, liveEngines(rig.temp.store.db)]).toEqual([503, []])
  })

  test('makes no engine outdated that has joined what it found', async () => {
    await inside('media', AUTO)
    await rig.provision()
    await rig.restart()
    await rig.clock.advance(10_000)
    expect(rig.logged.filter((line) => line.startsWith('ready: ')).at(-1)).toContain('"outdated":0')
  })
})
