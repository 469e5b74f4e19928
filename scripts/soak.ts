/**
 * Runs the long form of the crash and load tests, on real Docker: `bun scripts/soak.ts [--crashes 10] [--kills 20] [--row
 * 50] [--at-once 20] [--seed N]`. The exit code is 0 if every promise held; otherwise it prints the first failure and the
 * exit code is 1. In any case the script removes its containers.
 */

import { parseArgs } from 'node:util'
import { agreement, agreementWith, engineContainers, leasedPorts } from '../tests/support/consistency.ts'
import { until } from '../tests/support/docker.ts'
import { type EngineRow, openTestSite, removeAll, type TestSite } from '../tests/support/fleet.ts'
import {
  crashAt,
  engineIds,
  FAIL_POINTS,
  type FailPoint,
  killWhileProvisioning,
  provisionAtOnce,
  provisionInARow,
  refusalCodes,
  seededRandom,
} from '../tests/support/scenarios.ts'
import type { TestServer } from '../tests/support/server.ts'

interface Counts {
  readonly crashes: number
  readonly kills: number
  readonly row: number
  readonly atOnce: number
  readonly seed: number
}

/**
 * Settings under which only a broken promise stops a soak, and no periodic pass repairs what should never have been broken.
 */
const ROOM = { MAX_REPLICAS: '60', MONITOR_INTERVAL_S: '600' }

const POINTS = Object.keys(FAIL_POINTS).filter((name): name is FailPoint => name in FAIL_POINTS)

function readCounts(args: readonly string[]): Counts {
  const { values } = parseArgs({
    args: [...args],
    options: {
      crashes: { type: 'string', default: '10' },
      kills: { type: 'string', default: '20' },
      row: { type: 'string', default: '50' },
      'at-once': { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  })
  return {
    crashes: wholeNumber('crashes', values.crashes),
    kills: wholeNumber('kills', values.kills),
    row: wholeNumber('row', values.row),
    atOnce: wholeNumber('at-once', values['at-once']),
    seed: wholeNumber('seed', values.seed),
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new Error(`--${name} is not a whole number: ${text}`)
  return Number(text)
}

async function soak(site: TestSite, counts: Counts): Promise<void> {
  await crashes(site, counts.crashes)
  await kills(site, counts.kills, counts.seed)
  await row(site, counts.row)
  await patientCallers(site, counts.atOnce)
  await callersWithDeadline(site, counts.atOnce)
}

async function crashes(site: TestSite, count: number): Promise<void> {
  for (const point of POINTS) {
    const server = site.server(ROOM)
    const settledMs: number[] = []
    while (settledMs.length < count) settledMs.push(await crashAt(server, agreementWith(site.docker), point))
    console.log(
      `crash ${point}: ${settledMs.length} times, agreement after the restart in ${summary(settledMs)}`,
    )
  }
}

async function kills(site: TestSite, count: number, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const server = site.server(ROOM)
  await server.start()
  const settledMs: number[] = []
  let answers = 0
  let keys = 0
  while (settledMs.length < count) {
    const afterMs = 50 + random() * 2_500
    const report = await killWhileProvisioning(server, agreementWith(site.docker), {
      clients: 5,
      afterMs,
      random,
    })
    settledMs.push(report.settledMs)
    answers += report.answers
    keys += report.keysRetried
  }
  console.log(
    `kill -9: ${settledMs.length} times (seed ${seed}), ${answers} engines told and kept, ` +
      `${keys} keys asked again, agreement after the restart in ${summary(settledMs)}`,
  )
  await server.end()
}

async function row(site: TestSite, count: number): Promise<void> {
  const server = site.server(ROOM)
  await server.start()
  const tookMs = await provisionInARow(server, count)
  await nothingLeft(site, server)
  console.log(`in a row: ${tookMs.length} provisions and deletions, a provision in ${summary(tookMs)}`)
  await server.end()
}

async function patientCallers(site: TestSite, count: number): Promise<void> {
  const server = site.server({ ...ROOM, PROVISION_DEADLINE_MS: '20000' })
  await server.start()
  const { outcomes, slowestMs } = await provisionAtOnce(server, count)
  const ids = engineIds(outcomes)
  if (new Set(ids).size !== count)
    throw new Error(`${ids.length} of ${count}: ${refusalCodes(outcomes).join()}`)
  await agreement(server, site.docker, ids)
  console.log(
    `at once, deadline 20 s: ${ids.length} of ${count} got an engine, the last in ${round(slowestMs)} ms`,
  )
  await removeAll(server)
  await nothingLeft(site, server)
  await server.end()
}

async function callersWithDeadline(site: TestSite, count: number): Promise<void> {
  const server = site.server(ROOM)
  await server.start()
  const { outcomes, slowestMs } = await provisionAtOnce(server, count)
  const ids = engineIds(outcomes)
  const codes = refusalCodes(outcomes)
  const other = codes.find((code) => code !== 'provisioning_in_progress')
  if (other !== undefined) throw new Error(`a provision was refused: ${other}`)
  const spareMs = performance.now()
  const rows = await until(
    'every engine was handed out or is a spare',
    async () => {
      const all = await server.get<EngineRow[]>('/engines?status=all')
      return all.every(({ listed }) => listed) && all
    },
    60_000,
  )
  if (rows.length !== count) throw new Error(`${rows.length} engines for ${count} callers`)
  await agreement(server, site.docker, ids)
  console.log(
    `at once, default deadline: ${ids.length} of ${count} got an engine, ` +
      `${codes.length} were told to come again, the last in ${round(slowestMs)} ms; ` +
      `all ${rows.length} listed ${round(performance.now() - spareMs)} ms later`,
  )
  await removeAll(server)
  await nothingLeft(site, server)
  await server.end()
}

async function nothingLeft(site: TestSite, server: TestServer): Promise<void> {
  const leases = leasedPorts(server)
  const containers = await engineContainers(site.docker)
  if (leases.length + containers.length > 0) {
    throw new Error(`left behind: ports ${leases.join()}, containers ${containers.join()}`)
  }
}

const round = (ms: number): string => String(Math.round(ms))

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return `median ${round(median)} ms, most ${round(sorted.at(-1) ?? Number.NaN)} ms`
}

const site = await openTestSite()
const counts = readCounts(process.argv.slice(2))
console.log(`soak: ${JSON.stringify(counts)}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // After a signal the containers are removed too. The exit code is 1, because not all promises were tried.
  process.once(signal, () => void site.cleanUp().finally(() => process.exit(1)))
}
try {
  await soak(site, counts)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await site.cleanUp()
}
