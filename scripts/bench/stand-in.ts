import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import { TestServer } from '../../tests/support/server.ts'
import type { Bench } from './harness.ts'
import { spawnServer } from './throughput.ts'

/** The environment of a server beside a stand-in for Docker. */
export interface StandIn {
  readonly server: TestServer
  /** The first port of its engines; each has the next one. */
  readonly firstPort: number
}

const LABEL = { key: 'bench.roundhouse', value: 'stand-in' }
const IMAGE = 'engine:bench'

/** Starts a stand-in for Docker with `size` running engines, and makes an orchestrator for it that is not started yet. */
export async function standIn(bench: Bench, size: number): Promise<StandIn> {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-bench-'))
  bench.defer(() => rmSync(folder, { recursive: true, force: true }))
  const socket = join(folder, 'docker.sock')
  const ports = freePortRange(size + 50)
  const label = `${LABEL.key}=${LABEL.value}`
  await spawnServer(bench, 'Docker', [
    'docker-stand-in.ts',
    ...[socket, String(size), String(ports.first), label],
  ])
  const server = new TestServer({
    docker: { dockerHost: `unix://${socket}`, label: LABEL },
    image: IMAGE,
    command: bench.command,
    env: {
      MAX_REPLICAS: String(size + 50),
      MIN_FREE_REPLICAS: '0',
      PORT_RANGE_HOST: rangeSetting(ports),
      ENGINE_ADVERTISE: 'host',
    },
  })
  bench.defer(() => server.dispose())
  return { server, firstPort: ports.first }
}

/**
 * Compiles a server that does nothing but answer, as the orchestrator's binary is compiled: the floor for what Bun itself
 * costs. Returns the words of its command.
 */
export async function bareProgram(bench: Bench): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-bench-'))
  bench.defer(() => rmSync(folder, { recursive: true, force: true }))
  const outfile = join(folder, 'bare')
  const body = join(folder, 'body.json')
  await Bun.write(body, '[]')
  await Bun.build({
    entrypoints: [join(import.meta.dir, 'raw-server.ts')],
    target: 'bun',
    format: 'esm',
    bytecode: true,
    compile: { outfile, executablePath: process.execPath, autoloadBunfig: false, autoloadDotenv: false },
  })
  return [outfile, body]
}

/** Starts a program that prints its origin when it listens. Returns the origin and the process' id. */
export async function started(
  bench: Bench,
  command: readonly string[],
): Promise<{ readonly url: string; readonly pid: number }> {
  const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  bench.defer(async () => {
    child.kill()
    await child.exited
  })
  for await (const chunk of child.stdout)
    return { url: new TextDecoder().decode(chunk).trim(), pid: child.pid }
  throw new Error(`${command[0]} ended without a word`)
}
