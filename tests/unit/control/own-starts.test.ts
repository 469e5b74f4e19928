import { afterEach, describe, expect, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/*
 * An engine that Roundhouse started by itself is of no use to a proxy before its first answer: the proxy would get a refused
 * connection. A caller may have it.
 */

let rig: Rig
const start = async (env: Record<string, string> = {}): Promise<void> => {
  rig = await new Rig({ MIN_REPLICAS: '1', MAX_REPLICAS: '1', ...env }).start()
  await rig.clock.advance(200)
}
afterEach(() => rig.dispose())

interface Row {
  readonly container_id: string
  readonly port: number
  readonly listed: boolean
  readonly reason: string | null
}
const listed = () => rig.json<Row[]>('GET', '/engines')
const all = () => rig.json<Row[]>('GET', '/engines?status=all')
const canProvision = async () =>
  (await rig.json<{ provisioning: { can_provision: boolean } }>('GET', '/orchestrator/status')).provisioning
    .can_provision
const answers = async (port: number): Promise<void> => {
  rig.health.report(port, true, rig.clock.now())
  await settled()
}

test('an engine is asked whether it is connected only while it may be used and answers', async () => {
  // Each question to an engine that hangs would hold a connection, which looks like that of a viewer.
  await start({ HEALTH_FAILURE_THRESHOLD: '2' })
  const [row] = await all()
  const port = row?.port ?? 0
  const interval = () => rig.health.targets[0]?.networkIntervalMs
  expect(interval()).toBeNull()
  await answers(port)
  await rig.clock.advance(200)
  expect(interval()).toBe(20_000)
  // An engine with a viewer stays in service for a while.
  await rig.play(port)
  for (const _ of [1, 2]) rig.health.report(port, false, rig.clock.now())
  await rig.clock.advance(200)
  expect(interval()).toBeNull()
  for (const _ of [1, 2]) await answers(port)
  await rig.clock.advance(200)
  expect(interval()).toBe(20_000)
  expect((await rig.request('POST', `/engines/${row?.container_id}/drain`)).status).toBe(200)
  await rig.clock.advance(200)
  expect(interval()).toBeNull()
})

describe('an engine of our own start', () => {
  test('is listed from its first answer on', async () => {
    await start()
    expect(await listed()).toEqual([])
    const [row] = await all()
    expect(row).toMatchObject({
      listed: false,
      reason: 'it has not answered yet, and no caller was given it',
    })
    await answers(row?.port ?? 0)
    expect(await listed()).toMatchObject([{ container_id: row?.container_id }])
  })

  test('is given to a plain POST that comes meanwhile, at the maximum too, and is listed at once', async () => {
    await start()
    const [row] = await all()
    expect(await canProvision()).toBe(true)
    const response = await rig.provision()
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ container_id: row?.container_id })
    expect(await listed()).toMatchObject([{ container_id: row?.container_id }])
    expect(rig.runtime.containers()).toHaveLength(1)
  })

  test('is given to one caller only', async () => {
    await start({ MIN_REPLICAS: '2', MAX_REPLICAS: '2' })
    const answered = [await rig.provision(), await rig.provision(), await rig.provision()]
    expect(answered.map(({ status }) => status)).toEqual([200, 200, 503])
    const ids = await Promise.all(
      answered
        .slice(0, 2)
        .map(async (each) => ((await each.json()) as { container_id: string }).container_id),
    )
    expect(new Set(ids).size).toBe(2)
    expect(await canProvision()).toBe(false)
  })

  test('is not given away once it has answered: it is listed, and a proxy chooses it there', async () => {
    await start({ MAX_REPLICAS: '2' })
    const [row] = await all()
    await answers(row?.port ?? 0)
    const response = await rig.provision()
    expect(response.status).toBe(200)
    expect(((await response.json()) as Row).container_id).not.toBe(row?.container_id ?? '')
  })

  test.each([{ labels: { owner: 'a' } }, { env: { EXTRA: '1' } }, { host_port: 30_000 }])(
    'is not given to a request for something else: %j',
    async (body) => {
      await start()
      expect((await rig.provision({}, body)).status).toBe(503)
    },
  )

  test('is waited for while its container is being started', async () => {
    rig = new Rig({ MIN_REPLICAS: '1', MAX_REPLICAS: '1' })
    rig.runtime.latencyMs = (verb) => (verb === 'create' ? 1_000 : 0)
    await rig.start()
    await rig.clock.advance(200)
    expect(await all()).toMatchObject([{ container_id: null }])
    const response = await rig.provision()
    expect(response.status).toBe(200)
    expect(rig.runtime.containers()).toHaveLength(1)
    expect(await listed()).toHaveLength(1)
  })

  test('is given to nobody while starts fail: it may be the trial', async () => {
    await start({
      ...{ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '10' },
      ...{ STARTUP_TIMEOUT_S: '30', MAX_REPLICAS: '3' },
    })
    await rig.clock.advance(45_000)
    expect(await all()).toMatchObject([{ container_name: 'acestream-2', status: 'starting' }])
    expect(await canProvision()).toBe(false)
    expect((await (await rig.provision()).json()) as object).toMatchObject({ code: 'circuit_breaker' })
    expect(await listed()).toEqual([])
  })

  test('stays given after a restart', async () => {
    await start()
    const { container_id } = (await (await rig.provision()).json()) as Row
    await rig.restart()
    expect(await listed()).toMatchObject([{ container_id }])
  })
})
