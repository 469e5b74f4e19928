/**
 * Measures how much time of the main thread one scrape of /metrics takes. The whole application runs in this process, on the
 * runtime in memory, with 200 healthy engines, and with 500 streams and their samples in the books.
 */

import { figures } from '../../tests/support/builders.ts'
import { Rig } from '../../tests/support/rig.ts'
import { settled } from '../../tests/support/virtual-clock.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { measured, type Report, target } from './report.ts'

const ENGINES = 200
const STREAMS = 500
const ROUNDS = 20
const COLLECT_MS = 5_000
const WARM_UP = 50
const SCRAPES = 300
const FIRST_PORT = 19_000
/** A scrape is a request like others, and 99 of 100 requests should take less than this. */
const TARGET_P99_MS = 10

/** Measures scrapes; see the top of the file. */
export async function measureScrape(bench: Bench): Promise<Report> {
  const rig = await fullFleet(bench)
  const times: number[] = []
  let bytes = 0
  for (let n = -WARM_UP; n < SCRAPES; n++) {
    const beganMs = performance.now()
    bytes = (await (await rig.request('GET', '/metrics')).text()).length
    if (n >= 0) times.push(performance.now() - beganMs)
  }
  const scrapes = measured('one scrape', 'ms', times)
  return {
    name: 'scrape',
    notes: [
      `${ENGINES} engines, ${STREAMS} streams, ${ROUNDS} samples of each; ${bytes} bytes an answer.`,
      `In this process, by Bun itself: ${WARM_UP} scrapes of warm-up, then ${SCRAPES}.`,
    ],
    measured: [scrapes],
    targets: [
      target({ what: 'p99', value: scrapes.p99, unit: 'ms', bound: 'at most', target: TARGET_P99_MS }),
    ],
  }
}

async function fullFleet(bench: Bench): Promise<Rig> {
  const rig = new Rig({
    MIN_REPLICAS: String(ENGINES),
    MAX_REPLICAS: String(ENGINES + 50),
    PORT_RANGE_HOST: `${FIRST_PORT}-${FIRST_PORT + 2 * ENGINES}`,
    ACE_HTTPS_RANGE: '45000-46000',
    COLLECT_INTERVAL_S: String(COLLECT_MS / 1_000),
  })
  bench.defer(() => rig.dispose())
  await rig.start()
  while (rig.health.targets.length < ENGINES) await rig.clock.advance(1_000)
  await answer(rig)
  for (let n = 0; n < STREAMS; n++) await rig.play(FIRST_PORT + (n % ENGINES), `key|${n}`)
  for (let round = 0; round < ROUNDS; round++) {
    await answer(rig)
    await rig.clock.advance(COLLECT_MS)
  }
  const text = await (await rig.request('GET', '/metrics')).text()
  for (const series of [`orch_healthy_engines ${ENGINES}`, `orch_total_peers ${3 * STREAMS}`])
    if (!text.includes(`\n${series}\n`)) throw new Error(`the fleet is not as it should be: no ${series}`)
  return rig
}

/** Every engine answers that it is healthy, and answers about each of its sessions. */
async function answer(rig: Rig): Promise<void> {
  const atMs = rig.clock.now()
  const told = figures({ peers: 3, downloaded: atMs, uploaded: 10, speedDown: 500, speedUp: 5, status: 'dl' })
  for (const { engineId, generation, sessions } of rig.health.targets) {
    rig.health.tell({ engineId, generation, ok: true, atMs, error: null })
    const facts = sessions.map(({ streamRowId }) => ({ engineId, generation, streamRowId, atMs }))
    rig.health.tellSessions(...facts.map((fact) => ({ ...fact, state: 'serves' as const, figures: told })))
  }
  await settled()
}

if (import.meta.main) await runBenchmarks([measureScrape])
