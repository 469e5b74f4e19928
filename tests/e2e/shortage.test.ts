import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/*
 * A process that has used up its file descriptors asks an engine, a control server and a Docker Engine, which all exist. It
 * reports its own shortage, and nothing about them.
 */

const ROOT = join(import.meta.dir, '../..')

let folder: string
let servers: { stop(force: boolean): unknown; readonly port?: number | undefined }[]

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundhouse-shortage-'))
  servers = [
    Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => Response.json({ result: {} }) }),
    Bun.serve({ unix: join(folder, 'docker.sock'), fetch: () => new Response('OK') }),
  ]
})
afterAll(() => {
  for (const server of servers) server.stop(true)
  rmSync(folder, { recursive: true, force: true })
})

/** Runs in a process with few descriptors. `fill()` opens all that are left. */
const PROGRAM = `
  import { openSync } from 'node:fs'
  import { askControl } from '${ROOT}/src/workers/vpn/control-question.ts'
  import { probe } from '${ROOT}/src/workers/health/probe.ts'
  import { createDockerRuntime, DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '${ROOT}/src/runtime/docker.ts'
  const [port, socket] = process.argv.slice(-2)
  const address = { host: '127.0.0.1', port: Number(port) }
  const docker = createDockerRuntime({
    dockerHost: socket,
    label: { key: 'a', value: 'b' },
    deadlinesMs: DEFAULT_DEADLINES_MS,
    logs: DEFAULT_LOG_LIMITS,
  })
  const manner = { headers: {}, timeoutMs: 1000, signal: new AbortController().signal }
  const ask = async () => ({
    probe: await probe([address], 1000),
    control: await askControl(address, '/', manner).then(() => 'answered', (error) => error.trouble),
    docker: await docker.ping().then(() => 'answered', (error) => error.message),
  })
  const before = await ask()
  const fill = () => { try { for (;;) openSync('/dev/null', 'r') } catch {} }
  fill()
  process.stdout.write(JSON.stringify({ before, after: await ask() }))
`

test('what could not be asked for a lack of descriptors says nothing of whoever was to answer', async () => {
  const script = join(folder, 'program.ts')
  await Bun.write(script, PROGRAM)
  const port = String(servers[0]?.port)
  const socket = join(folder, 'docker.sock')
  const shell = ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh']
  const child = Bun.spawn([...shell, process.execPath, script, port, socket], { stderr: 'inherit' })
  const { before, after } = JSON.parse(await new Response(child.stdout).text())
  expect(before).toMatchObject({ probe: { ok: true }, control: 'answered', docker: 'answered' })
  expect(after).toMatchObject({ probe: { ok: false, isAsked: false }, control: 'not_asked' })
  expect(after.docker).toStartWith(
    'Docker could not be asked to answer a ping: this process has no file descriptor',
  )
  expect(after.probe.error).toContain('this process has no file descriptor left')
})
