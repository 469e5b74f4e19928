/**
 * Runs the long form of the tests of the fleet's life, on real Docker and on a Docker Engine of its own (which needs root):
 * `bun scripts/soak-lifecycle.ts [--watch-s 60] [--frozen-s 20] [--stopped-s 30] [--only steady,kills,outages,adopted]`.
 * Prints what it measured. The exit code is 0 if everything held; otherwise it prints the first failure and the exit code is
 * 1. In any case the script removes what it made.
 */

import { parseArgs } from 'node:util'
import { agreement } from '../tests/support/consistency.ts'
import { until } from '../tests/support/docker.ts'
import { openTestSite, type TestSite } from '../tests/support/fleet.ts'
import {
  Census,
  engineOf,
  type FleetRow,
  fleetOf,
  idsOf,
  openViewer,
  startViewing,
  streamOf,
  untilReady,
  untilRemoved,
} from '../tests/support/lifecycle.ts'
import { mustStandStill, untilKnownAway, untilPlanning } from '../tests/support/outage.ts'
import { OwnDockerd } from '../tests/support/own-dockerd.ts'
import { freePort, freePortRange, rangeSetting } from '../tests/support/ports.ts'
import { TestServer } from '../tests/support/server.ts'

const SIZE = 5
const KILLS = 5
const UP_WITHIN_MS = 60_000
/**
 * How long a viewer is observed. An engine without a viewer would be gone by then, which takes a minute and some readings.
 */
const VIEWED_MS = 90_000
const GONE_WITHIN_MS = 180_000
/** How long the counters of an adopted engine must stand still before it counts as idle. */
const QUIET_MS = 60_000

interface Options {
  readonly watchMs: number
  readonly frozenMs: number
  readonly stoppedMs: number
  readonly only: readonly string[]
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'watch-s': { type: 'string', default: '60' },
      'frozen-s': { type: 'string', default: '20' },
      'stopped-s': { type: 'string', default: '30' },
      only: { type: 'string', default: Object.keys(PARTS).join() },
    },
  })
  const only = values.only.split(',')
  const unknown = only.find((name) => !(name in PARTS))
  if (unknown !== undefined) throw new Error(`--only: ${unknown} is none of ${Object.keys(PARTS).join()}`)
  return {
    watchMs: milliseconds('watch-s', values['watch-s']),
    frozenMs: milliseconds('frozen-s', values['frozen-s']),
    stoppedMs: milliseconds('stopped-s', values['stopped-s']),
    only,
  }
}

function milliseconds(name: string, text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new Error(`--${name} is not a number of seconds: ${text}`)
  return Number(text) * 1_000
}

/** The parts of the soak, in order. */
const PARTS: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  steady: (options) => onSite((site) => steady(site, options.watchMs)),
  kills: () => onSite(kills),
  outages: (options) => onOwnDockerd(options),
  adopted: () => onSite(adopted),
}

async function onSite(part: (site: TestSite) => Promise<void>): Promise<void> {
  const site = await openTestSite()
  cleaners.add(site.cleanUp)
  await part(site)
  await site.cleanUp()
  cleaners.delete(site.cleanUp)
}

async function steady(site: TestSite, watchMs: number): Promise<void> {
  const server = site.server({ MIN_REPLICAS: String(SIZE) })
  const census = new Census(site.docker)
  const beganMs = performance.now()
  await server.start({}, '/healthz')
  const rows = await untilReady(server, SIZE, UP_WITHIN_MS)
  const readyMs = performance.now() - beganMs
  await Bun.sleep(watchMs)
  const { most, looks } = await census.result()
  if (most !== SIZE) throw new Error(`${most} containers at once, and ${SIZE} are wanted`)
  expectSame(rows, await fleetOf(server))
  await agreement(server, site.docker, idsOf(rows))
  console.log(
    `steady: ${SIZE} ready ${round(readyMs)} ms after the start of the process; ` +
      `for ${watchMs / 1_000} s never more than ${most} containers, in ${looks} looks`,
  )
}

async function kills(site: TestSite): Promise<void> {
  const server = site.server({ MIN_REPLICAS: String(SIZE) })
  await server.start()
  for (const kind of ['idle', 'busy'] as const) {
    const tookMs: number[] = []
    for (let turn = 1; turn <= KILLS; turn++) tookMs.push(await killOne(site, server, `${kind}-${turn}`))
    console.log(`kill while ${kind}: ${KILLS} times, another ready in its place in ${summary(tookMs)}`)
  }
}

/** Kills one engine. Returns the milliseconds until another engine is ready and listed in its place. */
async function killOne(site: TestSite, server: TestServer, name: string): Promise<number> {
  const before = await untilReady(server, SIZE, UP_WITHIN_MS)
  const [lost] = before
  if (lost === undefined) throw new Error('there is no engine to kill')
  const isBusy = name.startsWith('busy')
  if (isBusy) await startViewing(server, lost, name)
  const beganMs = performance.now()
  await site.docker.client.getContainer(lost.container_id).kill()
  await until('another is in its place', async () => {
    const rows = await fleetOf(server)
    const isSettled = rows.every(({ status, listed }) => status === 'ready' && listed)
    return rows.length === SIZE && isSettled && !idsOf(rows).includes(lost.container_id)
  })
  const tookMs = performance.now() - beganMs
  const after = idsOf(await untilReady(server, SIZE))
  const kept = idsOf(before).filter((id) => after.includes(id))
  if (kept.length !== SIZE - 1) throw new Error(`${kept.length} of the other ${SIZE - 1} engines are left`)
  const reason = isBusy ? (await streamOf(server, name))?.end_reason : 'engine_stopped'
  if (reason !== 'engine_stopped') throw new Error(`the stream of the killed engine ended with ${reason}`)
  await agreement(server, site.docker, after)
  return tookMs
}

interface Outage {
  readonly name: string
  readonly flags: readonly string[]
  readonly ms: number
  readonly begin: (dockerd: OwnDockerd) => Promise<void> | void
  /** Resolves when Docker answers again. */
  readonly end: (dockerd: OwnDockerd) => Promise<unknown>
  readonly isSurvived: boolean
}

async function onOwnDockerd({ frozenMs, stoppedMs }: Options): Promise<void> {
  const live = ['--live-restore']
  const outages: readonly Outage[] = [
    {
      name: `frozen for ${frozenMs / 1_000} s`,
      flags: [],
      ms: frozenMs,
      begin: (dockerd) => dockerd.freeze(),
      end: (dockerd) => {
        dockerd.thaw()
        return until('Docker answers', () => dockerd.answers())
      },
      isSurvived: true,
    },
    {
      name: `stopped for ${stoppedMs / 1_000} s`,
      flags: [],
      ms: stoppedMs,
      begin: (dockerd) => dockerd.stop(),
      end: (dockerd) => dockerd.start(),
      isSurvived: false,
    },
    {
      name: `stopped for ${stoppedMs / 1_000} s with --live-restore`,
      flags: live,
      ms: stoppedMs,
      begin: (dockerd) => dockerd.stop(),
      end: (dockerd) => dockerd.start(live),
      isSurvived: true,
    },
  ]
  for (const outage of outages) await outlive(outage)
}

async function outlive(outage: Outage): Promise<void> {
  const dockerd = await OwnDockerd.open(outage.flags)
  const close = () => dockerd.close()
  cleaners.add(close)
  const { docker, image } = await dockerd.docker()
  const env = { MIN_REPLICAS: String(SIZE), PORT_RANGE_HOST: rangeSetting(freePortRange(20)) }
  const server = new TestServer({ docker, image, env })
  const dispose = () => server.dispose()
  cleaners.add(dispose)
  await server.start()
  const before = await untilReady(server, SIZE, UP_WITHIN_MS)
  for (const row of before) await startViewing(server, row, row.container_id)

  await outage.begin(dockerd)
  const knownMs = await untilKnownAway(server)
  const { postMs, readMs } = await mustStandStill(server, before)
  await Bun.sleep(outage.ms)
  await mustStandStill(server, before)
  await outage.end(dockerd)
  const backMs = performance.now()
  const planningMs = await untilPlanning(server)
  const after = await untilReady(server, SIZE, UP_WITHIN_MS)
  const readyMs = performance.now() - backMs
  expectSame(before, after)
  await agreement(server, docker, idsOf(before))
  const ends = new Set(
    await Promise.all(idsOf(before).map(async (id) => (await streamOf(server, id))?.end_reason ?? 'started')),
  )
  if (ends.has('started') !== outage.isSurvived)
    throw new Error(`Docker ${outage.name}: streams ${[...ends].join()}`)
  console.log(
    `Docker ${outage.name}: known after ${round(knownMs)} ms; a call refused in ${round(postMs)} ms, ` +
      `reads in ${readMs.toFixed(1)} ms; planning again ${round(planningMs)} ms and all ready ` +
      `${round(readyMs)} ms after its first answer; the same engines, streams ${[...ends].join(', ')}`,
  )
  for (const clean of [dispose, close]) {
    await clean()
    cleaners.delete(clean)
  }
}

/** Tests an engine that somebody else started, with a viewer that no proxy reported. */
async function adopted(site: TestSite): Promise<void> {
  const server = site.server({
    AUTO_DELETE: 'true',
    ENGINE_GRACE_PERIOD_S: '1',
    DRAIN_HIDE_S: '1',
    ENGINE_ENV: 'SESSION_IDLE_MS=1000',
  })
  const { id, port } = await runByHand(site)
  const viewer = await openViewer(port)
  try {
    await server.start()
    await Bun.sleep(VIEWED_MS)
    const row = await engineOf(server, id)
    if (row?.status !== 'ready' || !row.listed) throw new Error('an adopted engine with a viewer was drained')
  } finally {
    viewer.leave()
  }
  const leftMs = performance.now()
  await untilRemoved(site.docker, id, GONE_WITHIN_MS)
  const goneMs = performance.now() - leftMs
  if (goneMs < QUIET_MS) throw new Error(`it went ${round(goneMs)} ms after its viewer`)
  await until('the books have no engine', async () => (await fleetOf(server)).length === 0)
  await agreement(server, site.docker)
  console.log(
    `adopted: kept for ${VIEWED_MS / 1_000} s of a viewer that nobody reported ` +
      `(${Math.round(viewer.bytes() / 1_024)} KB), removed ${round(goneMs)} ms after it left`,
  )
}

async function runByHand(site: TestSite): Promise<{ readonly id: string; readonly port: number }> {
  const port = freePort()
  const { docker, image } = site
  const container = await docker.client.createContainer({
    Image: image,
    Labels: {
      [docker.label.key]: docker.label.value,
      'acestream.http_port': String(port),
      'host.http_port': String(port),
    },
    Env: [`HTTP_PORT=${port}`, 'SESSION_IDLE_MS=1000'],
    ExposedPorts: { [`${port}/tcp`]: {} },
    HostConfig: { PortBindings: { [`${port}/tcp`]: [{ HostPort: String(port) }] } },
  })
  await container.start()
  const status = `http://127.0.0.1:${port}/server/api?api_version=3&method=get_status`
  await until('it answers', async () => {
    const signal = AbortSignal.timeout(500)
    const response = await fetch(status, { keepalive: false, signal }).catch(() => null)
    return response?.ok ?? false
  })
  return { id: container.id, port }
}

function expectSame(before: readonly FleetRow[], after: readonly FleetRow[]): void {
  const [was, is] = [before, after].map((rows) => idsOf(rows).toSorted().join())
  if (was !== is) throw new Error(`the engines were ${was} and are ${is}`)
}

const round = (ms: number): string => String(Math.round(ms))

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return `median ${round(median)} ms, most ${round(sorted.at(-1) ?? Number.NaN)} ms`
}

/** What is still to be removed, the newest last. */
const cleaners = new Set<() => Promise<void>>()

async function cleanUp(): Promise<void> {
  for (const clean of [...cleaners].toReversed()) await clean()
  cleaners.clear()
}

const options = readOptions(process.argv.slice(2))
console.log(`soak of the lifecycle: ${JSON.stringify(options)}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // After a signal the containers are removed too. The exit code is 1, because not everything was tried.
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)))
}
try {
  for (const [name, part] of Object.entries(PARTS)) if (options.only.includes(name)) await part(options)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await cleanUp()
}
