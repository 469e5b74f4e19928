import { afterEach, describe, expect, test } from 'bun:test'
import type { ContainerSpec } from '../../../src/runtime/runtime.ts'
import { engineById, liveEngines, takeEngineNumber, updateEngine } from '../../../src/store/engines.ts'
import { setSetting } from '../../../src/store/settings.ts'
import { parseToHealthWorker } from '../../../src/workers/health/health-protocol.ts'
import { IMAGE, LABEL, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* Containers with our label that anybody made. Whatever their labels say, the good engine beside them stays unchanged. */

interface Listed {
  readonly container_id: string
  readonly container_name: string
  readonly port: number
  readonly status: string
  readonly labels: Readonly<Record<string, string>>
}

interface Status {
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}

let rig: Rig
afterEach(() => rig.dispose())

const all = () => rig.json<Listed[]>('GET', '/engines?status=all')
const warnings = async () => (await rig.json<Status>('GET', '/orchestrator/status')).warnings
const unusableOf = async () => (await warnings()).filter(({ code }) => code === 'engines_unusable')

const PORT = 19_500

function spec(labels: Readonly<Record<string, string>>, change: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name: 'found',
    image: IMAGE,
    env: {},
    labels: { [LABEL.key]: LABEL.value, ...labels },
    ports: [{ containerPort: PORT, hostPort: PORT, protocol: 'tcp' }],
    publishAddress: '',
    network: null,
    memoryBytes: null,
    cpus: null,
    ...change,
  }
}

async function runOutside(what: ContainerSpec): Promise<string> {
  const id = await rig.runtime.create(what)
  await rig.runtime.start(id)
  await settled()
  return id
}

/** Starts one good engine that is ready. Returns its id and port. */
async function withGoodEngine(env: Readonly<Record<string, string>> = {}) {
  rig = await new Rig({ STARTUP_TIMEOUT_S: '90', ...env }).start()
  const answer = (await (await rig.provision()).json()) as { container_id: string; host_http_port: number }
  rig.health.report(answer.host_http_port, true, rig.clock.now())
  await settled()
  return { containerId: answer.container_id, port: answer.host_http_port }
}

/** Lets more time pass than any engine may take to start. The worker continues with the targets that it can read. */
async function expectGoodOneStays(good: Awaited<ReturnType<typeof withGoodEngine>>): Promise<void> {
  for (let second = 0; second < 120; second += 5) {
    const targets = parseToHealthWorker({ type: 'targets', targets: rig.health.targets })
    expect(targets).toMatchObject({ dropped: 0 })
    rig.health.report(good.port, true, rig.clock.now())
    await rig.clock.advance(5_000)
  }
  const engines = await all()
  const [engine] = engines.filter(({ container_id }) => container_id === good.containerId)
  expect(engine).toMatchObject({ status: 'ready', port: good.port })
  expect(rig.runtime.containers().map(({ id }) => id)).toContain(good.containerId)
}

const http = (port: string) => ({ 'acestream.http_port': port })

describe('a running container with our label', () => {
  test.each<readonly [string, ContainerSpec, string]>([
    ['a port that is a word', spec(http('abc')), 'acestream.http_port="abc"'],
    ['the port 0', spec(http('0')), 'acestream.http_port="0"'],
    ['a port beyond all', spec(http('70000')), 'acestream.http_port="70000"'],
    ['an empty port', spec(http('')), 'acestream.http_port=""'],
    ['a port below nothing', spec(http('-1')), 'acestream.http_port="-1"'],
    ['a port with a fraction', spec(http('80.5')), 'acestream.http_port="80.5"'],
    ['a port in another notation', spec(http('0x4c2c')), 'acestream.http_port="0x4c2c"'],
    ['a port with blanks', spec(http(' 19500 ')), 'acestream.http_port=" 19500 "'],
    ['a port of a megabyte', spec(http('9'.repeat(1_000_000))), `acestream.http_port="${'9'.repeat(40)}"…`],
    ['a port of two lines', spec(http('1\n2')), 'acestream.http_port="1\\n2"'],
    ['an id and no port', spec({ 'roundhouse.engine': 'x' }, { ports: [] }), 'no label acestream.http_port'],
    [
      'an id and a port of another kind',
      spec({ 'roundhouse.engine': 'x' }, { ports: [{ containerPort: 1, hostPort: 1, protocol: 'udp' }] }),
      'no label acestream.http_port',
    ],
    ['a name with odd characters', spec(http('19500'), { name: '../x y"' }), 'its name "../x y\\""'],
    ['a name without an end', spec(http('19500'), { name: 'n'.repeat(5_000) }), 'its name "nnn'],
    ['no name', spec(http('19500'), { name: '' }), 'its name ""'],
  ])('is left alone with %s, which is told once, and the good engine stays', async (_, bad, why) => {
    const good = await withGoodEngine()
    const id = await runOutside(bad)
    await expectGoodOneStays(good)
    expect((await all()).map(({ container_id }) => container_id)).toEqual([good.containerId])
    expect(rig.runtime.containers().map((each) => each.id)).toContain(id)
    const [warning] = await unusableOf()
    expect(warning?.message).toContain(why)
    expect(warning?.message.length).toBeLessThan(400)
    expect(warning?.remedy).toContain('acestream.http_port')
    expect(rig.logged.filter((line) => line.includes('cannot be used as an engine'))).toHaveLength(1)
    rig.runtime.removeOutside(id)
    await rig.clock.advance(11_000)
    expect(await unusableOf()).toEqual([])
  })

  test.each<readonly [string, ContainerSpec]>([
    ['an id that is empty', spec({ ...http('19500'), 'roundhouse.engine': '' })],
    ['an id that is a path', spec({ ...http('19500'), 'roundhouse.engine': '../../x' })],
    ['an id of a megabyte', spec({ ...http('19500'), 'roundhouse.engine': 'x'.repeat(1_000_000) })],
    [
      'other ports that are none',
      spec({
        ...http('19500'),
        'acestream.https_port': 'x',
        'host.http_port': '0',
        'host.https_port': '',
        'acestream.api_port': '99999',
        'acestream.p2p_port': '-5',
      }),
    ],
    [
      'a number in its name that has none above it',
      spec(http('19500'), { name: `acestream-${'9'.repeat(30)}` }),
    ],
    ['a hash without an end', spec({ ...http('19500'), 'roundhouse.config': 'f'.repeat(100_000) })],
    [
      'labels without number',
      spec({
        ...http('19500'),
        ...Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`l${at}`, 'x'.repeat(200)])),
      }),
    ],
    ['a label of a megabyte', spec({ ...http('19500'), big: 'x'.repeat(1_000_000) })],
    [
      'a node that there is not',
      spec({
        ...http('19500'),
        'acestream.vpn_container': 'x'.repeat(10_000),
        'acestream.forwarded': 'true',
      }),
    ],
    [
      'names of members of objects',
      spec({ ...http('19500'), constructor: 'x', toString: 'y', 'roundhouse.installation': '' }),
    ],
  ])('is taken over with %s, by what is usable of it, and the good engine stays', async (_, odd) => {
    const good = await withGoodEngine()
    const id = await runOutside(odd)
    const engine = liveEngines(rig.temp.store.db).find(({ containerId }) => containerId === id)
    expect(engine).toMatchObject({ httpPort: PORT, hostHttpPort: PORT, apiPort: null, p2pPort: null })
    expect(engine?.id).toMatch(/^[a-zA-Z0-9-]{1,64}$/)
    expect(engine?.configHash.length).toBeLessThanOrEqual(64)
    expect(JSON.stringify(engine).length).toBeLessThan(40_000)
    expect(engine?.labels).toMatchObject({ [LABEL.key]: LABEL.value, 'acestream.http_port': '19500' })
    // The engine never answers, and is removed like any other.
    await expectGoodOneStays(good)
    expect(await (await rig.provision()).json()).toMatchObject({ container_name: 'acestream-2' })
  })

  test('that names the id of the good engine, or its ports, is another one', async () => {
    const good = await withGoodEngine()
    const [made] = rig.runtime.containers()
    const ports = { ...http(`${good.port}`), 'host.http_port': `${good.port}` }
    const [first, second] = [
      await runOutside(spec(made?.labels ?? {}, { name: 'one', ports: [] })),
      await runOutside(spec(ports, { name: 'two', ports: [] })),
    ]
    const rows = liveEngines(rig.temp.store.db)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(3)
    expect(rows.map(({ containerId }) => containerId).toSorted()).toEqual(
      [good.containerId, first, second].toSorted(),
    )
    const [engine] = (await all()).filter(({ container_id }) => container_id === good.containerId)
    expect(engine).toMatchObject({ status: 'ready', port: good.port })
  })

  test('is not taken over by a new database either, where it has no usable port', async () => {
    rig = new Rig()
    const theirs = { 'roundhouse.installation': 'other' }
    const id = await rig.runtime.create(spec({ ...http('abc'), ...theirs }))
    await rig.runtime.start(id)
    await rig.start()
    expect(await all()).toEqual([])
    expect((await warnings()).map(({ code }) => code)).toEqual(['other_installation'])
  })
})

test('an engine that an earlier version took over with the port 0 costs no other, and goes by itself', async () => {
  const good = await withGoodEngine()
  const id = await runOutside(spec(http('19500')))
  const row = liveEngines(rig.temp.store.db).find(({ containerId }) => containerId === id)
  rig.temp.store.transact((tx) =>
    updateEngine(tx, row?.id ?? '', { httpPort: 0, hostHttpPort: 0, address: '' }),
  )
  await settled()
  expect(
    rig.health.targets.find(({ engineId }) => engineId === row?.id)?.addresses.every(({ port }) => port > 0),
  ).toBe(true)
  await expectGoodOneStays(good)
  expect(engineById(rig.temp.store.db, row?.id ?? '')?.status).not.toBe('ready')
})

test('a name that an earlier version could not count above is counted above again', async () => {
  rig = await new Rig().start()
  rig.temp.store.transact((tx) => setSetting(tx, 'next_engine_number', '1e+30'))
  const numbers = rig.temp.store.transact((tx) => [takeEngineNumber(tx), takeEngineNumber(tx)])
  expect(numbers).toEqual([1, 2])
})
