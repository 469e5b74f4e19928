import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { staysFor, until } from '../support/docker.ts'
import { mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import { fleetOf, idsOf, startViewing, streamOf, untilReady } from '../support/lifecycle.ts'

/* Clients that hold more connections than the process may have descriptors, with real Docker, engines and a viewer. */

setDefaultTimeout(90_000)

const LIMIT = 64
const CLIENTS = 120

let site: TestSite
let folder: string
let program: string
let clients: Socket[] = []

beforeAll(async () => {
  site = await openTestSite()
  folder = mkdtempSync(join(tmpdir(), 'roundhouse-limited-'))
  program = join(folder, 'limited')
  const main = join(import.meta.dir, '../../src/main.ts')
  writeFileSync(program, `#!/bin/sh\nulimit -n ${LIMIT}\nexec bun ${main}\n`)
  chmodSync(program, 0o755)
}, 240_000)
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await site.cleanUp()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Connects and sends nothing. Connects again soon after the server has closed the connection. */
function hold(port: number, index: number): void {
  const client = connect({ host: '127.0.0.1', port })
  clients[index] = client
  client.on('error', () => undefined)
  client.on(
    'close',
    () => clients[index] === client && setTimeout(() => clients[index] && hold(port, index), 250),
  )
}

interface Status {
  readonly provisioning: { readonly can_provision: boolean }
}

test('120 clients that hold on at a limit of 64 cost no engine and no viewer, and Docker is not blamed', async () => {
  const pace = {
    HEALTH_CHECK_INTERVAL_S: '1',
    HEALTH_FAILURE_THRESHOLD: '2',
    HEALTH_UNHEALTHY_GRACE_PERIOD_S: '2',
  }
  const server = site.server({ ...pace, HEALTH_REPLACEMENT_COOLDOWN_S: '1', MIN_REPLICAS: '3' }, program)
  await server.start()
  const rows = await untilReady(server, 3, 30_000)
  const [row] = rows
  if (row === undefined) throw new Error('there is no engine')
  const viewer = await startViewing(server, row, 'watched')
  clients = []
  for (let index = 0; index < CLIENTS; index++) hold(server.port, index)
  const isToldOf = async (): Promise<boolean> =>
    (await (await fetch(`${server.url}/orchestrator/status`)).text()).includes('descriptors_short')
  await until('it is told', () => isToldOf().catch(() => false), 20_000)
  let bytes = viewer.bytes()
  await staysFor(15_000, 'the viewer gets what it watches', async () => {
    const before = bytes
    await until('more came', () => viewer.bytes() > before)
    bytes = viewer.bytes()
    return true
  })
  for (const client of clients.splice(0)) client.destroy()

  await until('it is well', async () => (await server.answers('/readyz')) === 200)
  await until('all are healthy', async () =>
    (await fleetOf(server)).every(({ health_status }) => health_status === 'healthy'),
  )
  expect(idsOf(await fleetOf(server)).toSorted()).toEqual(idsOf(rows).toSorted())
  expect(await streamOf(server, 'watched')).toMatchObject({ status: 'started' })
  expect(server.output).not.toContain('start Docker')
  expect(server.output).not.toContain('correct DOCKER_HOST')
  expect(server.output).not.toContain('unhealthy:')
  viewer.leave()
  // Docker is asked again within a second after the last of our own shortages.
  await until('an engine may be started', async () => {
    const { provisioning } = await server.get<Status>('/orchestrator/status')
    return provisioning.can_provision
  })
  await mustProvision(server)
})
