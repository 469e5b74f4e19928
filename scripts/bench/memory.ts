/**
 * Measures the memory of the process, a row for each cost: a bare compiled server as the floor, then the orchestrator idle,
 * with 100 engines, with 200 streams, under load, and after it; what it is made of; and what a VPN and the pages add.
 */

import { readFileSync } from 'node:fs'
import { until } from '../../tests/support/docker.ts'
import { type ListedEngine, startStream } from './fleet.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { type Measured, measured, type Report, target } from './report.ts'
import { bareProgram, type StandIn, standIn, started } from './stand-in.ts'
import { loadRound, residentMb } from './throughput.ts'

const FLEET = 100
const STREAMS = 200
/** Long enough for everything that a start leaves to be done, and for what was freed to be given back. */
const REST_MS = 8_000
const SAMPLE_MS = 50
const LOADED = ['/engines', '/orchestrator/status', '/streams?status=started', '/metrics']
const PAGES = ['/panel', '/swagger', '/swagger/json']
const TARGET_MB = { idle: 75, loaded: 110, highest: 160 }

/** Measures the memory; see the top of the file. */
export async function measureMemory(bench: Bench): Promise<Report> {
  const bare = await started(bench, await bareProgram(bench))
  await (await fetch(bare.url)).bytes()
  const idle = await standIn(bench, 0)
  await restedStart(idle)
  const idleRows = partsOf(idle.server.pid, 'idle')
  await askPages(idle)
  const withPages = residentMb(idle.server.pid)
  await restedStart(idle, { GLUETUN_CONTAINER_NAME: 'gluetun' }, '/healthz')
  const withVpn = residentMb(idle.server.pid)
  await idle.server.end()
  const loaded = await loadedRows(bench)
  const [idleMb] = idleRows
  const bareMb = residentMb(bare.pid)
  const rows = [
    row('a bare compiled server', bareMb),
    ...idleRows,
    row('idle, after the pages were opened', withPages),
    row('idle, with a VPN', withVpn),
    ...loaded,
  ]
  const limit = { unit: 'MB', bound: 'at most' } as const
  const aimed = [
    [idleMb, TARGET_MB.idle],
    [loaded[1], TARGET_MB.loaded],
    [loaded[2], TARGET_MB.highest],
  ] as const
  return {
    name: 'memory',
    notes: [
      `Resident memory; ${FLEET} engines and ${STREAMS} streams in a stand-in for Docker, asked about every 5 s.`,
      'Pages of the binary are shared with the cache of its file. The highest is the highest of all paths under load.',
    ],
    measured: rows,
    targets: aimed.flatMap(([found, most]) =>
      found === undefined
        ? []
        : [
            target({
              ...{ what: found.what, value: found.p50, target: most, ...limit },
              row: `resident memory, ${found.what}`,
              floor: { what: 'a bare compiled server', value: bareMb },
            }),
          ],
    ),
  }
}

const row = (what: string, mb: number): Measured => measured(what, 'MB', [mb])

async function restedStart(
  { server }: StandIn,
  env: Readonly<Record<string, string>> = {},
  path: '/readyz' | '/healthz' = '/readyz',
): Promise<void> {
  await server.end()
  await server.start(env, path)
  await Bun.sleep(REST_MS)
}

async function askPages({ server }: StandIn): Promise<void> {
  for (const path of PAGES) {
    const text = await (await fetch(`${server.url}${path}`)).text()
    for (const [, asset = ''] of text.matchAll(/(?:src|href)="([\w./-]+)"/g))
      await (await fetch(new URL(asset, `${server.url}${path}`))).bytes()
  }
  await Bun.sleep(REST_MS)
}

/** The rows of a server with engines and streams: at rest, playing, the highest under load, and at rest again. */
async function loadedRows(bench: Bench): Promise<readonly Measured[]> {
  const site = await standIn(bench, FLEET)
  const { server, firstPort } = site
  await restedStart(site, { COLLECT_INTERVAL_S: '5' })
  const engines = row(`${FLEET} engines`, residentMb(server.pid))
  const hosts = await until(`${FLEET} engines are listed`, async () => {
    const listed = await server.get<readonly ListedEngine[]>('/engines')
    return listed.length === FLEET && listed
  })
  const host = hosts[0]?.host ?? '127.0.0.1'
  for (let n = 0; n < STREAMS; n++)
    await startStream(server, {
      ...{ host, port: firstPort + (n % FLEET) },
      ...{ container_id: '', health_status: '' },
    })
  await Bun.sleep(REST_MS)
  const playing = row(`${FLEET} engines, ${STREAMS} streams`, residentMb(server.pid))
  const parts = partsOf(server.pid, 'playing').slice(1)
  const highest = row('the highest under load', await highestUnderLoad(bench, site))
  await Bun.sleep(REST_MS)
  return [engines, playing, highest, row('after the load', residentMb(server.pid)), ...parts]
}

async function highestUnderLoad(bench: Bench, { server }: StandIn): Promise<number> {
  let highest = 0
  const timer = setInterval(() => {
    highest = Math.max(highest, residentMb(server.pid))
  }, SAMPLE_MS)
  for (const path of LOADED)
    await loadRound(bench, { name: path, url: `${server.url}${path}`, pid: server.pid })
  clearInterval(timer)
  return highest
}

/** What the memory of a process is made of: all of it first, then pages of the binary, compiled code, and the heaps. */
function partsOf(pid: number, when: string): readonly Measured[] {
  const parts = { binary: 0, compiled: 0, heaps: 0 }
  let part: keyof typeof parts = 'heaps'
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const [, rights, file] = /^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+ *(.*)$/.exec(line) ?? []
    if (rights !== undefined)
      part = file?.startsWith('/') ? 'binary' : rights.includes('x') ? 'compiled' : 'heaps'
    const [, kb] = /^Rss: +(\d+)/.exec(line) ?? []
    if (kb !== undefined) parts[part] += Number(kb) / 1_024
  }
  return [
    row(when, residentMb(pid)),
    row(`  ${when}: pages of the binary and the C library`, parts.binary),
    row(`  ${when}: code compiled for speed`, parts.compiled),
    row(`  ${when}: the heaps of all threads`, parts.heaps),
  ]
}

if (import.meta.main) await runBenchmarks([measureMemory])
