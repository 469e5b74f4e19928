import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { agreement, engineContainers, leasedPorts } from '../support/consistency.ts'
import { until } from '../support/docker.ts'
import { type EngineRow, openTestSite, removeAll, type TestSite } from '../support/fleet.ts'
import { engineIds, provisionAtOnce, provisionInARow, refusalCodes } from '../support/scenarios.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(30_000)

let site: TestSite

beforeAll(async () => {
  site = await openTestSite()
}, 120_000)

afterEach(() => site.cleanUp())
afterAll(() => site?.cleanUp())

test('lists each engine in the very next /engines, and holds nothing after its deletion', async () => {
  const server = site.server()
  await server.start()
  expect(await provisionInARow(server, 5)).toHaveLength(5)
  expect(leasedPorts(server)).toEqual([])
  expect(await engineContainers(site.docker)).toEqual([])
})

test('gives eight callers at once an engine each, where they have the time', async () => {
  const server = site.server({ PROVISION_DEADLINE_MS: '20000' })
  await server.start()
  const { outcomes } = await provisionAtOnce(server, 8)
  expect(refusalCodes(outcomes)).toEqual([])
  const ids = engineIds(outcomes)
  expect(new Set(ids).size).toBe(8)
  await agreement(server, site.docker, ids)
  await removeAll(server)
  expect(leasedPorts(server)).toEqual([])
})

test('makes a spare of each engine that came too late for its caller', async () => {
  // Docker starts one container in some 300 ms, and several hardly faster, so some callers get their engine in time and
  // others do not.
  const server = site.server({ PROVISION_DEADLINE_MS: '800', UNCLAIMED_TTL_S: '1' })
  await server.start()
  const { outcomes } = await provisionAtOnce(server, 8)
  const ids = engineIds(outcomes)
  const codes = refusalCodes(outcomes)
  expect(codes).toEqual(codes.map(() => 'provisioning_in_progress'))
  expect(codes.length).toBeGreaterThan(0)
  expect(new Set(ids).size).toBe(ids.length)
  const rows = await until('all engines are listed', async () => {
    const all = await server.get<EngineRow[]>('/engines?status=all')
    return all.every(({ listed }) => listed) && all
  })
  expect(rows).toHaveLength(8)
  await agreement(server, site.docker, ids)
})
