import { describe, expect, test } from 'bun:test'
import { until } from '../../engine/testing/harness.ts'
import { DIALECT_NAMES } from '../dialect.ts'
import { type TestAnswer, TestGluetun } from '../testing/harness.ts'

const STATUS = '/v1/vpn/status'
const IP = '/v1/publicip/ip'
const PORTS = '/v1/portforward'
const WITH_PORTS = { VPN_PORT_FORWARDING: 'on' }

const get = (path: string) => ({ method: 'GET', path })
const statusOf = (answer: TestAnswer): number | string => ('status' in answer ? answer.status : answer.error)
const bodyOf = (answer: TestAnswer): string => ('body' in answer ? answer.body : answer.error)

const tunnelUp = async (gluetun: TestGluetun): Promise<boolean> =>
  JSON.parse(await (await gluetun.control('/tunnel')).text()).up

const healthStatus = async (gluetun: TestGluetun): Promise<number | string> =>
  statusOf(await gluetun.send({ ...get('/'), toHealth: true }))

describe('faults of the control server', () => {
  test('a hang holds every call until it is over, is counted, and leaves health and test controls alone', async () => {
    await using gluetun = await TestGluetun.start()
    await gluetun.setFaults({ control_hang: true })
    let isAnswered = false
    const held = gluetun.send(get(STATUS)).finally(() => {
      isAnswered = true
    })
    const counts = async () => JSON.parse(await (await gluetun.control('/calls')).text())
    await until(async () => (await counts())[`GET ${STATUS}`]?.none === 1)
    expect(await healthStatus(gluetun)).toBe(200)
    expect(isAnswered).toBe(false)
    await gluetun.setFaults({ control_hang: false })
    expect(bodyOf(await held)).toBe('{"status":"running"}\n')
    expect((await counts())[`GET ${STATUS}`]).toEqual({ none: 1, 200: 1 })
  })

  test.each([
    [500, 'Internal Server Error\n'],
    [401, 'Unauthorized\n'],
    [418, 'status 418\n'],
  ])('status %i on everything', async (status, body) => {
    await using gluetun = await TestGluetun.start()
    await gluetun.setFaults({ control_status: status })
    for (const path of [STATUS, IP, '/nothing']) {
      expect(await gluetun.send(get(path))).toMatchObject({ status, body })
    }
    await gluetun.control('/faults', { method: 'DELETE' })
    expect(statusOf(await gluetun.send(get(STATUS)))).toBe(200)
  })

  test('garbage with status 200', async () => {
    await using gluetun = await TestGluetun.start()
    await gluetun.setFaults({ garbage: '{"status":' })
    expect(await gluetun.send(get(STATUS))).toMatchObject({ status: 200, body: '{"status":' })
  })

  test('a closed port, and an open one again', async () => {
    await using gluetun = await TestGluetun.start()
    await gluetun.setFaults({ control_refuse: true })
    expect(await gluetun.send(get(STATUS))).toEqual({ error: 'connection refused' })
    expect(await healthStatus(gluetun)).toBe(200)
    await gluetun.setFaults({ control_refuse: false })
    expect(statusOf(await gluetun.send(get(STATUS)))).toBe(200)
  })

  test('none at all, in a VPN container that is no Gluetun', async () => {
    await using gluetun = await TestGluetun.start({ CONTROL_SERVER: 'off' })
    expect(await gluetun.send(get(STATUS))).toEqual({ error: 'connection refused' })
    expect(await healthStatus(gluetun)).toBe(200)
    expect(await tunnelUp(gluetun)).toBe(true)
  })

  test('a forced word as the status', async () => {
    await using gluetun = await TestGluetun.start()
    await gluetun.setFaults({ status: 'crashed' })
    expect(await gluetun.read(STATUS)).toBe('{"status":"crashed"}\n')
  })
})

describe('health', () => {
  test('wrong while everything works, in the words of a check whose target does not answer', async () => {
    await using gluetun = await TestGluetun.start()
    const words = 'small periodic check: all check tries failed'
    await gluetun.setFaults({ health: 'unhealthy', health_text: words })
    expect(await gluetun.send({ ...get('/'), toHealth: true })).toMatchObject({
      status: 500,
      body: `${words}\n`,
    })
    expect(await gluetun.read(STATUS)).toBe('{"status":"running"}\n')
    expect(await tunnelUp(gluetun)).toBe(true)
  })

  test('forced: unhealthy while all is well, healthy while nothing passes', async () => {
    await using gluetun = await TestGluetun.start({ DETECT_MS: '100' })
    await gluetun.setFaults({ health: 'unhealthy' })
    expect(await healthStatus(gluetun)).toBe(500)
    await gluetun.setFaults({ health: 'healthy', tunnel_cut: true })
    gluetun.clock.advance(1000)
    expect(await healthStatus(gluetun)).toBe(200)
    await gluetun.setFaults({ health: null })
    expect(await healthStatus(gluetun)).toBe(500)
  })

  test('a hang lasts until it is over', async () => {
    await using gluetun = await TestGluetun.start()
    await gluetun.setFaults({ health: 'hang' })
    const held = healthStatus(gluetun)
    expect(statusOf(await gluetun.send(get(STATUS)))).toBe(200)
    expect(Bun.peek.status(held)).toBe('pending')
    await gluetun.setFaults({ health: null })
    expect(await held).toBe(200)
  })
})

describe.each([...DIALECT_NAMES])('a cut tunnel, %s', (dialect) => {
  const env = { DIALECT: dialect, DETECT_MS: '1000', HANDSHAKE_MS: '100' }

  test('passes nothing at once, is noticed within the time set, and is healed when the server is back', async () => {
    await using gluetun = await TestGluetun.start(env)
    expect(await tunnelUp(gluetun)).toBe(true)
    await gluetun.setFaults({ tunnel_cut: true })
    expect(await tunnelUp(gluetun)).toBe(false)
    gluetun.clock.advance(900)
    expect(await gluetun.state()).toMatchObject({
      status: 'running',
      public_ip: '203.0.113.7',
      health_error: null,
    })
    gluetun.clock.advance(2700)
    expect((await gluetun.state()).health_error).toMatch(/timeout|timed out/)
    gluetun.clock.advance(10_000)
    expect((await gluetun.state()).restarts).toBeGreaterThan(0)

    await gluetun.setFaults({ tunnel_cut: false })
    gluetun.clock.advance(10_000)
    expect(await gluetun.state()).toMatchObject({
      status: 'running',
      public_ip: '203.0.113.7',
      health_error: null,
      tunnel_up: true,
    })
  })
})

describe('a VPN that is stopped through the API', () => {
  test.each([
    ['v3.38.0', 'running'],
    ['v3.40.4', 'running'],
    ['v3.41.1', 'stopped'],
    ['v3.41.3', 'stopped'],
    ['master', 'stopped'],
  ])('%s: after 20 s it is %s', async (dialect, status) => {
    const open = { HTTP_CONTROL_SERVER_AUTH_DEFAULT_ROLE: '{"auth":"none"}' }
    await using gluetun = await TestGluetun.start({ ...open, DIALECT: dialect })
    await gluetun.put(STATUS, { status: 'stopped' })
    expect(await tunnelUp(gluetun)).toBe(false)
    gluetun.clock.advance(20_000)
    expect((await gluetun.state()).status).toBe(status)
  })
})

describe('what the provider gives', () => {
  test('changes at once where a test says so, and back', async () => {
    await using gluetun = await TestGluetun.start(WITH_PORTS)
    await gluetun.setFaults({ forwarded_port: 1234, public_ip: '198.51.100.1' })
    expect(await gluetun.read(PORTS)).toBe('{"port":1234,"ports":[1234]}\n')
    expect(await gluetun.read(IP)).toContain('"198.51.100.1"')
    await gluetun.setFaults({ forwarded_port: 0, public_ip: '' })
    expect(await gluetun.read(PORTS)).toBe('{"port":0,"ports":[]}\n')
    expect(await gluetun.read(IP)).toBe('{"public_ip":""}\n')
    await gluetun.setFaults({ forwarded_port: null, public_ip: null })
    expect(await gluetun.state()).toMatchObject({ public_ip: '203.0.113.7', ports: [51_413] })
  })

  test('may be a port again where there was none', async () => {
    await using gluetun = await TestGluetun.start({ ...WITH_PORTS, FORWARDED_PORT: '0' })
    await gluetun.setFaults({ forwarded_port: 1234 })
    expect(await gluetun.read(PORTS)).toBe('{"port":1234,"ports":[1234]}\n')
  })

  test('may be several ports, or none, where a test says so', async () => {
    await using gluetun = await TestGluetun.start(WITH_PORTS)
    await gluetun.setFaults({ forwarded_ports: [41_001, 41_002] })
    expect(await gluetun.read(PORTS)).toBe('{"port":41001,"ports":[41001,41002]}\n')
    await gluetun.setFaults({ forwarded_ports: [] })
    expect(await gluetun.read(PORTS)).toBe('{"port":0,"ports":[]}\n')
  })

  test('changes by itself after each interval, in the settings or by a test, and all ports differ', async () => {
    await using gluetun = await TestGluetun.start({
      ...WITH_PORTS,
      FORWARDED_PORT: '1,2',
      PORT_CHANGE_MS: '20000',
    })
    const ports = async () => (await gluetun.state()).ports ?? []
    const seen = [...(await ports())]
    for (let change = 0; change < 3; change++) {
      gluetun.clock.advance(20_000)
      seen.push(...(await ports()))
    }
    expect(new Set(seen).size).toBe(8)
    await gluetun.setFaults({ port_change_ms: 0 })
    expect(await ports()).toEqual([1, 2])
    gluetun.clock.advance(60_000)
    expect(await ports()).toEqual([1, 2])
  })

  test('is gone while the VPN is stopped, whatever is forced', async () => {
    await using gluetun = await TestGluetun.start(WITH_PORTS)
    await gluetun.setFaults({ forwarded_port: 1234, public_ip: '198.51.100.1' })
    await gluetun.put(STATUS, { status: 'stopped' })
    expect(await gluetun.state()).toMatchObject({ public_ip: '', ports: [] })
  })

  test('changes with the next connection that succeeds, and only then', async () => {
    await using gluetun = await TestGluetun.start({ ...WITH_PORTS, DETECT_MS: '1000' })
    await gluetun.setFaults({
      reconnect: { public_ip: '198.51.100.1', forwarded_port: 1234 },
      tunnel_cut: true,
    })
    gluetun.clock.advance(30_000)
    expect((await gluetun.state()).restarts).toBeGreaterThan(0)
    expect((await gluetun.state()).faults.reconnect).not.toBeNull()
    await gluetun.setFaults({ tunnel_cut: false })
    gluetun.clock.advance(10_000)
    expect(await gluetun.state()).toMatchObject({ public_ip: '198.51.100.1', ports: [1234] })
    expect((await gluetun.state()).faults.reconnect).toBeNull()
  })

  test.each([
    ['v3.41.1', '{"ports":[1,2]}\n'],
    ['v3.41.3', '{"port":1,"ports":[1,2]}\n'],
  ])('may be several ports: %s', async (dialect, body) => {
    await using gluetun = await TestGluetun.start({ ...WITH_PORTS, DIALECT: dialect, FORWARDED_PORT: '1,2' })
    expect(await gluetun.read(PORTS)).toBe(body)
  })
})

test('the process ends with the code wanted, shortly after the answer', async () => {
  await using gluetun = await TestGluetun.start()
  await gluetun.setFaults({ exit: 3 })
  expect(gluetun.exitCode).toBeNull()
  gluetun.clock.advance(100)
  expect(gluetun.exitCode).toBe(3)
})

describe('the test controls refuse', () => {
  test.each([
    ['[]', 'the body must be a JSON object'],
    ['{', 'body: not JSON'],
    ['{"nothing":1}', 'nothing: unknown field'],
    ['{"tunnel_cut":1}', 'tunnel_cut: expected true or false'],
    ['{"control_status":200}', 'control_status: expected a status from 400 to 599 or null'],
    ['{"health":"ill"}', 'health: expected healthy, unhealthy, hang or null'],
    ['{"forwarded_port":65536}', 'forwarded_port: expected a port, 0 or null'],
    ['{"forwarded_ports":[0]}', 'forwarded_ports: expected a list of ports or null'],
    ['{"port_change_ms":-1}', 'port_change_ms: expected milliseconds or null'],
    ['{"status":1}', 'status: expected a text or null'],
    ['{"reconnect":{"port":1}}', 'reconnect: expected an object with public_ip and forwarded_port, or null'],
    ['{"exit":256}', 'exit: expected an exit code from 0 to 255 or null'],
  ])('%s', async (body, error) => {
    await using gluetun = await TestGluetun.start()
    const answer = await gluetun.control('/faults', { method: 'POST', body })
    expect([answer.status, await answer.json()]).toEqual([400, { error }])
  })
})
