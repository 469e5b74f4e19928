/**
 * Asks every question that this program ever asks over HTTP, in a process of its own whose environment a test can choose.
 * All questions go to the server at the given port, which plays an engine, a control server, a Docker Engine and ourselves.
 * Prints the answers and the peak memory as one line of JSON.
 */

import { readFileSync } from 'node:fs'
import { checkHealth } from '../../src/cli/cli.ts'
import { createDockerRuntime, DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '../../src/runtime/docker.ts'
import { askNetwork } from '../../src/workers/health/network-ask.ts'
import { probe } from '../../src/workers/health/probe.ts'
import { askSession } from '../../src/workers/health/session-ask.ts'
import { stopSession } from '../../src/workers/health/session-stop.ts'
import { createControlClient } from '../../src/workers/vpn/gluetun.ts'
import { until } from './docker.ts'
import { startHealthWorker, targetAt } from './health-worker.ts'

const address = { host: '127.0.0.1', port: Number(process.argv[2]) }
const at = [address]
const PATIENCE_MS = 10_000

async function probedInWorker(): Promise<boolean | undefined> {
  const { health, facts } = startHealthWorker({ timeoutMs: PATIENCE_MS })
  health.setTargets([targetAt('one', address)])
  await until('it was probed', () => facts.length > 0)
  await health.stop()
  return facts[0]?.ok
}

const runtime = createDockerRuntime({
  dockerHost: `tcp://${address.host}:${address.port}`,
  label: { key: 'a', value: 'b' },
  deadlinesMs: DEFAULT_DEADLINES_MS,
  logs: DEFAULT_LOG_LIMITS,
})
const control = createControlClient({
  auth: { kind: 'apikey', key: 'k-secret' },
  timeoutMs: PATIENCE_MS,
})

/**
 * The peak of the resident memory since this program began. The value that the system reports for a child process includes
 * its parent's.
 */
function peakKb(): number {
  const [, kb = ''] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kb)
}

const answers = {
  probe: (await probe(at, PATIENCE_MS)).ok,
  worker: await probedInWorker(),
  network: await askNetwork(at, PATIENCE_MS),
  session: (await askSession(at, '/ace/stat/a/b', PATIENCE_MS)).state,
  stop: await stopSession(at, '/ace/cmd/a/b', PATIENCE_MS),
  control: (await control.ask({ addresses: at, fallback: address }, null, AbortSignal.timeout(PATIENCE_MS)))
    .answers.status,
  health: (await checkHealth(`http://${address.host}:${address.port}/readyz`)).code,
  docker: await runtime.ping().then(
    () => true,
    () => false,
  ),
  memoryKb: peakKb(),
}
process.stdout.write(`${JSON.stringify(answers)}\n`)
process.exit(0)
