import { afterEach, describe, expect, test } from 'bun:test'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { IMAGE, Rig } from '../../support/rig.ts'
import { startBehindVpn } from '../../support/rig-vpn.ts'

let rig: Rig
const start = async (env: Record<string, string> = {}): Promise<void> => {
  rig = await new Rig(env).start()
}
afterEach(() => rig.dispose())

const KEY = { headers: { authorization: 'Bearer secret' } }
let calls = 0
/** Gives each generic container a name of its own, because the ids of the rig begin alike. */
const post = (path: string, body: object, init: RequestInit = {}): Promise<Response> =>
  rig.during(rig.request('POST', path, { name_prefix: `tool-${++calls}`, ...body }, init))
const generic = (body: object = {}): Promise<Response> => post('/provision', body)
const FORMS = ['/provision/acestream', '/provision'] as const

describe('without a key', () => {
  test.each(FORMS)('%s takes no image but the template’s, and names the setting', async (path) => {
    await start()
    rig.runtime.addImage('other:1')
    const id = `sha256:${'a'.repeat(64)}`
    for (const image of [
      'other:1',
      'engine',
      'engine:2',
      'ghcr.io/engine:1',
      `engine@${id}`,
      id,
      'aaaaaaaaaaaa',
    ]) {
      const refused = await post(path, { image })
      expect([image, refused.status]).toEqual([image, 403])
      expect(await refused.json()).toMatchObject({
        code: 'image_not_allowed',
        should_wait: false,
        detail: expect.stringContaining('ALLOWED_IMAGES'),
      })
    }
    expect(rig.runtime.containers()).toEqual([])
  })

  test.each(FORMS)('%s takes the template’s image in each spelling', async (path) => {
    await start()
    for (const image of [IMAGE, `docker.io/library/${IMAGE}`, `library/${IMAGE}`])
      expect([image, (await post(path, { image })).status]).toEqual([image, 200])
    expect(rig.runtime.containers().map(({ image }) => image)).toEqual([IMAGE, IMAGE, IMAGE])
  })

  test.each(FORMS)('%s takes what ALLOWED_IMAGES adds', async (path) => {
    await start({ ALLOWED_IMAGES: 'docker.io/user/other, third:2' })
    rig.runtime.addImage('user/other')
    expect((await post(path, { image: 'user/other' })).status).toBe(200)
    expect((await post(path, { image: 'third:1' })).status).toBe(403)
  })

  test('what is wrong in itself is told before what is not allowed', async () => {
    await start()
    expect((await post('/provision', { image: 'Upper/Case' })).status).toBe(422)
    expect((await post('/provision', { image: 'other:1', ports: { '80': 19_000 } })).status).toBe(422)
  })
})

test.each(FORMS)('with a key %s takes any image, whatever ALLOWED_IMAGES says', async (path) => {
  await start({ API_KEY: 'secret', ALLOWED_IMAGES: 'third:2' })
  rig.runtime.addImage('other:1')
  expect((await post(path, { image: 'other:1' }, KEY)).status).toBe(200)
  expect((await post(path, { image: 'other:1' })).status).toBe(401)
})

test('a variable from which the recipe of an image tells it its ports is refused, and free for other images', async () => {
  await start({ ENGINE_RECIPE: 'auto', ALLOWED_IMAGES: 'jopsis/acestream:x64' })
  rig.runtime.addImage('jopsis/acestream:x64')
  const env = { ACESTREAM_ARGS: '--bind-all' }
  const refused = await post('/provision/acestream', { image: 'jopsis/acestream:x64', env })
  expect(refused.status).toBe(422)
  expect(await refused.json()).toMatchObject({ detail: [{ loc: ['body', 'env', 'ACESTREAM_ARGS'] }] })
  expect((await post('/provision/acestream', { env })).status).toBe(200)
})

test.each(FORMS)('%s takes a variable with the name of what every object has', async (path) => {
  await start()
  const answer = await post(path, { env: { toString: 'x', constructor: 'y' } })
  expect(answer.status).toBe(200)
})

describe('the ports of a container that is no engine', () => {
  test.each([
    [8_000, 'APP_PORT'],
    [19_000, 'PORT_RANGE_HOST'],
    [19_999, 'PORT_RANGE_HOST'],
    [14_000, 'ACE_HTTPS_RANGE'],
    [80, '1024'],
  ])('are none of ours: %d', async (port, setting) => {
    await start()
    const refused = await generic({ ports: { '80/tcp': 9_000, '81/udp': port } })
    expect(refused.status).toBe(422)
    expect(await refused.json()).toMatchObject({
      detail: [{ loc: ['body', 'ports', '81/udp'], msg: expect.stringContaining(setting) }],
    })
    expect(rig.runtime.containers()).toEqual([])
  })

  test('are none that a VPN node publishes', async () => {
    rig = (await startBehindVpn(['gluetun'], { GLUETUN_PORT_RANGE: '25000-25009' })).rig
    const refused = await generic({ ports: { '80': 25_009 } })
    expect(refused.status).toBe(422)
    expect(JSON.stringify(await refused.json())).toContain('GLUETUN_PORT_RANGE (25000-25009)')
    expect((await generic({ ports: { '80': 25_010 } })).status).toBe(200)
  })

  test('are at most 16, and none of them twice', async () => {
    await start()
    const ports = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index + 1), 30_000 + index]))
    const many = await generic({ ports: ports(17) })
    expect(many.status).toBe(422)
    expect(await many.json()).toMatchObject({
      detail: [{ loc: ['body', 'ports'], msg: expect.stringContaining('16') }],
    })
    const twice = await generic({ ports: { '80': 30_000, '81': 30_000, '82/udp': 30_000 } })
    expect(twice.status).toBe(422)
    expect(await twice.json()).toMatchObject({ detail: [{ loc: ['body', 'ports', '81'] }] })
    expect((await generic({ ports: ports(16) })).status).toBe(200)
  })

  test('are none that another of ours has, made before or at the same time, nor an engine', async () => {
    await start()
    rig.runtime.latencyMs = () => 20
    const asked = { ports: { '80': 30_000 } }
    const [one, two] = await Promise.all([generic(asked), generic(asked)])
    const later = await generic({ ports: { '81': 30_000 } })
    expect([one.status, two.status, later.status]).toEqual([200, 422, 422])
    expect(await later.json()).toMatchObject({
      detail: [{ loc: ['body', 'ports'], msg: expect.stringContaining('30000') }],
    })
    expect((await generic({ ports: { '80/udp': 30_000 } })).status).toBe(200)
    expect((await rig.provision({}, { host_port: 30_001 })).status).toBe(200)
    expect((await generic({ ports: { '80': 30_001 } })).status).toBe(422)
  })
})

describe('containers that are no engines', () => {
  const count = () => rig.runtime.containers().length

  test('are never more than MAX_GENERIC, also of twenty that are asked for at once', async () => {
    await start({ MAX_GENERIC: '3' })
    rig.runtime.latencyMs = (verb) => (verb === 'list' ? 50 : 5)
    const answers = await Promise.all(Array.from({ length: 20 }, () => generic()))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
    const refused = answers.filter(({ status }) => status === 503)
    expect(refused).toHaveLength(17)
    const body = (await refused[0]?.json()) as { detail: Record<string, unknown> }
    expect(body.detail).toMatchObject({
      code: 'max_generic',
      should_wait: false,
      recovery_eta_seconds: null,
      message: expect.stringContaining('MAX_GENERIC'),
    })
    expect(JSON.stringify(body)).not.toMatch(/VPN|circuit breaker|capacity/)
    expect(count()).toBe(3)
  })

  test('count while an old list is on its way', async () => {
    await start({ MAX_GENERIC: '1' })
    // The second list begins before the first container exists, and is answered when that container is already created.
    let lists = 0
    rig.runtime.latencyMs = (verb) => (verb === 'list' ? ([2, 400][lists++] ?? 2) : 2)
    const one = generic()
    const two = generic()
    expect([(await one).status, (await two).status]).toEqual([200, 503])
    expect(count()).toBe(1)
  })

  test('leave room again when they are deleted, and when they could not be started', async () => {
    await start({ MAX_GENERIC: '1' })
    const failure = new RuntimeFailure('refused', 'a bad setting')
    rig.runtime.faults.next('start', { kind: 'fail_before', failure })
    expect((await generic()).status).toBe(500)
    const made = (await (await generic()).json()) as { container_id: string }
    expect((await generic()).status).toBe(503)
    await rig.restart({ MAX_GENERIC: '1' })
    // A stopped container counts, too.
    rig.runtime.kill(made.container_id)
    expect((await generic()).status).toBe(503)
    await rig.during(rig.request('DELETE', `/containers/${made.container_id}`))
    expect((await generic()).status).toBe(200)
  })

  test('are not counted where Docker does not say how many there are', async () => {
    await start()
    const failure = new RuntimeFailure('unreachable', 'no connection', { effect: 'none' })
    rig.runtime.faults.next('list', { kind: 'fail_before', failure })
    expect((await generic()).status).toBe(503)
    expect(count()).toBe(0)
  })

  test('are no engines to MAX_GENERIC, and engines none of them', async () => {
    await start({ MAX_GENERIC: '0', MIN_REPLICAS: '2' })
    expect((await rig.provision()).status).toBe(200)
    expect((await generic()).status).toBe(503)
  })
})

test('every container of ours has a limit of processes, and engines the capabilities that are set', async () => {
  await start({
    ENGINE_PIDS_LIMIT: '300',
    ENGINE_CAP_DROP: 'all',
    ENGINE_CAP_ADD: 'net_raw, CAP_CHOWN, chown',
  })
  await rig.provision()
  await generic()
  const [engine, other] = rig.runtime.containers().map(({ id }) => rig.runtime.specOf(id))
  expect(engine).toMatchObject({ pidsLimit: 300, capDrop: ['ALL'], capAdd: ['CHOWN', 'NET_RAW'] })
  expect(other).toMatchObject({ pidsLimit: 300 })
  expect(other?.capDrop).toBeUndefined()
})
