import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildBinary } from '../support/binary.ts'
import { until } from '../support/docker.ts'
import { Exposition } from '../support/exposition.ts'
import { mustProvision, provision } from '../support/fleet.ts'
import { fleetOf, idsOf, startViewing, streamOf, untilReady } from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'
import { openVpnSite, untilForwarding, type VpnSite, vpnOf } from '../support/vpn-site.ts'

/*
 * A crash of either worker costs a moment without facts, and nothing else. Tested with the sources and with the compiled
 * binary, where the threads' code has to be found inside the file.
 */

setDefaultTimeout(60_000)

/** By design it takes a second; the rest is for a busy machine. The measured time is printed. */
const BACK_WITHIN_MS = 5_000
const folder = mkdtempSync(join(tmpdir(), 'roundhouse-crash-'))
const binary = join(folder, 'roundhouse')
let vpn: VpnSite

beforeAll(async () => {
  vpn = await openVpnSite()
  buildBinary(folder)
}, 240_000)
afterEach(() => vpn.cleanUp())
afterAll(async () => {
  await vpn?.cleanUp()
  rmSync(folder, { recursive: true })
})

/** Runs a server with one engine that plays. SIGUSR2 makes the server's worker crash. */
async function playing(worker: string, program: string | undefined) {
  const server = vpn.server([await vpn.gluetun()], { FAIL_POINT: worker }, {}, program)
  await server.start()
  await untilForwarding(server)
  await mustProvision(server)
  const fleet = await untilReady(server, 1)
  const [engine] = fleet
  if (engine === undefined) throw new Error('no engine')
  const viewer = await startViewing(server, engine, 'watched')
  await until('it is healthy', async () => (await fleetOf(server))[0]?.health_status === 'healthy')
  return { server, fleet, viewer }
}

/** Sends the signal and waits for both conditions in turn. Returns the milliseconds between them. */
async function crash(
  server: TestServer,
  isLost: () => Promise<boolean>,
  isBack: () => Promise<boolean>,
): Promise<number> {
  process.kill(server.pid, 'SIGUSR2')
  await until('the worker is lost', isLost)
  const lostMs = performance.now()
  await until('the worker is back', isBack)
  return Math.round(performance.now() - lostMs)
}

describe.each([
  ['the sources', undefined],
  ['the binary', binary],
] as const)('a crash of a worker of %s', (_, program) => {
  test('the health worker: verdicts are unknown for a moment, engines stay listed, streams go on', async () => {
    const { server, fleet, viewer } = await playing('health_worker', program)
    const verdict = async () => (await fleetOf(server))[0]?.health_status
    const backMs = await crash(
      server,
      async () => (await verdict()) === 'unknown',
      async () => (await verdict()) === 'healthy',
    )
    console.log(`health worker: back after ${backMs} ms`)
    expect(backMs).toBeLessThan(BACK_WITHIN_MS)
    expect(idsOf(await untilReady(server, 1))).toEqual(idsOf(fleet))
    await expectUnharmed(server, viewer, 'the health worker')
    expect(await restartsOf(server)).toEqual({ 'worker="health"': 1 })
  })

  test('the VPN worker: the VPN is unknown for a moment, engines stay listed, streams go on', async () => {
    const { server, fleet, viewer } = await playing('vpn_worker', program)
    const state = async () => (await vpnOf(server)).nodes[0]?.state
    const backMs = await crash(
      server,
      async () => (await state()) === 'unknown' && (await provision(server)).kind === 'refused',
      async () => (await state()) === 'up',
    )
    console.log(`VPN worker: back after ${backMs} ms`)
    expect(backMs).toBeLessThan(BACK_WITHIN_MS)
    expect(idsOf(await untilReady(server, 1))).toEqual(idsOf(fleet))
    await expectUnharmed(server, viewer, 'the VPN worker')
    expect(await restartsOf(server)).toEqual({ 'worker="vpn"': 1 })
  })
})

const restartsOf = async (server: TestServer) =>
  new Exposition(await (await fetch(`${server.url}/metrics`)).text()).all('roundhouse_worker_restarts_total')

/** Checks for one log line about the outage and one about its end, and for a stream that never stopped. */
async function expectUnharmed(
  server: TestServer,
  viewer: { bytes(): number; leave(): void },
  worker: string,
): Promise<void> {
  const before = viewer.bytes()
  await until('the stream moves', () => viewer.bytes() > before)
  expect(await streamOf(server, 'watched')).toMatchObject({ status: 'started' })
  viewer.leave()
  await until('its end is told', () => server.output.includes(`${worker} is back`))
  expect(server.output.split(`${worker} ended`)).toHaveLength(2)
}
