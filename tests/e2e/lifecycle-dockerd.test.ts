import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type Dockerode from 'dockerode'
import { agreement, engineContainers } from '../support/consistency.ts'
import { staysFor, type TestDocker, until } from '../support/docker.ts'
import {
  type FleetRow,
  fleetOf,
  idsOf,
  planOf,
  startViewing,
  streamOf,
  untilReady,
  untilRemoved,
} from '../support/lifecycle.ts'
import { mustStandStill, untilKnownAway, untilPlanning } from '../support/outage.ts'
import { holdFolder, OwnDockerd } from '../support/own-dockerd.ts'
import { freePortRange, rangeSetting } from '../support/ports.ts'
import { TestServer } from '../support/server.ts'

/** A Docker Engine starts and stops in these tests, with its containers. */
setDefaultTimeout(120_000)

const SIZE = 3
/** By design it takes a second; the rest is for a machine that is busy starting containers. The measured time is printed. */
const BACK_MAX_MS = 6_000

let dockerd: OwnDockerd
let docker: TestDocker
let image: string
let server: TestServer

beforeAll(async () => {
  dockerd = await OwnDockerd.open()
  ;({ docker, image } = await dockerd.docker())
}, 180_000)
afterAll(() => dockerd?.close(), 60_000)

beforeEach(() => {
  const env = { MIN_REPLICAS: String(SIZE), PORT_RANGE_HOST: rangeSetting(freePortRange(20)) }
  server = new TestServer({ docker, image, env })
})
afterEach(async () => {
  await server.dispose()
  await dockerd.restore()
  await docker.cleanUp()
})

/** Starts a fleet with a stream on each engine. The stream's id is the container's id. */
async function busyFleet(): Promise<FleetRow[]> {
  await server.start()
  const rows = await untilReady(server, SIZE, 30_000)
  for (const row of rows) await startViewing(server, row, row.container_id)
  return rows
}

/** The folder in which the storage driver `overlay2` keeps what a container wrote. */
async function layerOf(container: Dockerode.Container): Promise<string> {
  const { GraphDriver } = await container.inspect()
  const data: Readonly<Record<string, string>> = { ...GraphDriver.Data }
  if (data.UpperDir === undefined) throw new Error(`not overlay2: ${GraphDriver.Name}`)
  return data.UpperDir
}

async function expectPlanning(what: string): Promise<void> {
  const tookMs = await untilPlanning(server)
  console.log(`${what}: planning again ${Math.round(tookMs)} ms after Docker's first answer`)
  expect(tookMs).toBeLessThan(BACK_MAX_MS)
}

/** Checks that the engines are the same as before and all ready, and that Docker has no other. */
async function expectSameEngines(before: readonly FleetRow[]): Promise<void> {
  const after = await untilReady(server, SIZE, 30_000)
  expect(idsOf(after).toSorted()).toEqual(idsOf(before).toSorted())
  await agreement(server, docker, idsOf(before))
  expect(await engineContainers(docker)).toHaveLength(SIZE)
}

const startTimes = (rows: readonly FleetRow[]): Promise<string[]> =>
  Promise.all(idsOf(rows).map(async (id) => (await docker.client.getContainer(id).inspect()).State.StartedAt))

async function expectStreams(
  rows: readonly FleetRow[],
  expected: Readonly<Record<string, unknown>>,
): Promise<void> {
  for (const id of idsOf(rows)) expect(await streamOf(server, id)).toMatchObject(expected)
}

test('starts its engines again after Docker was stopped with them, and ends their streams with the reason', async () => {
  const before = await busyFleet()
  await dockerd.stop()
  await untilKnownAway(server)
  await mustStandStill(server, before)
  await dockerd.start()
  await expectPlanning('after a stop')
  await expectSameEngines(before)
  await expectStreams(before, { status: 'ended', end_reason: 'docker_outage' })
})

test('goes on beside a container that Docker is not able to remove, and removes it when it is', async () => {
  await server.start({ MONITOR_INTERVAL_S: '1' })
  const [stuck] = idsOf(await untilReady(server, SIZE, 30_000))
  if (stuck === undefined) throw new Error('No engine is there.')
  const held = holdFolder(await layerOf(docker.client.getContainer(stuck)))
  try {
    const refusal = await server.delete(`/containers/${stuck}`)
    expect(refusal.status).toBe(500)
    expect(await refusal.text()).toContain('operation not permitted')
    await until('another took its place', async () => {
      const rows = await fleetOf(server)
      const listed = rows.filter(({ status, listed }) => status === 'ready' && listed)
      return listed.length === SIZE && !idsOf(listed).includes(stuck)
    })
    expect((await planOf(server)).waits).toEqual([])
  } finally {
    held.release()
  }
  await untilRemoved(docker, stuck)
  await agreement(server, docker)
})

test('loses nothing by a freeze of Docker', async () => {
  const before = await busyFleet()
  const starts = await startTimes(before)
  dockerd.freeze()
  await untilKnownAway(server)
  await staysFor(3_000, 'standing still', async () => {
    await mustStandStill(server, before)
    return true
  })
  dockerd.thaw()
  await until('Docker answers', () => dockerd.answers())
  await expectPlanning('after a freeze')
  await expectSameEngines(before)
  expect(await startTimes(before)).toEqual(starts)
  await expectStreams(before, { status: 'started' })
})

test('loses nothing by a restart of Docker that lets the containers live on', async () => {
  await dockerd.stop()
  await dockerd.start(['--live-restore'])
  const before = await busyFleet()
  const starts = await startTimes(before)
  await dockerd.stop()
  await untilKnownAway(server)
  await mustStandStill(server, before)
  await dockerd.start(['--live-restore'])
  await expectPlanning('after a restart with live-restore')
  await expectSameEngines(before)
  expect(await startTimes(before)).toEqual(starts)
  await expectStreams(before, { status: 'started' })
})
