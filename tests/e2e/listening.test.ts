import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../support/docker.ts'
import { freePort } from '../support/ports.ts'

/* The process without a Docker Engine: where it listens, who gets in, and that its own health check finds it. */

const MAIN = ['bun', join(import.meta.dir, '../../src/main.ts')]
/** What the health check shows of a server that it found. */
const FOUND =
  /^503 \{"status":"not_ready","reason":"Docker not reachable: There is no Docker socket at \/nope\//
const KEYS = ['0123456789abcdef-yesterday', '0123456789abcdef-tomorrow']

let folder: string
const running: Bun.Subprocess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
})
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL')
  await Promise.all(running.splice(0).map(({ exited }) => exited))
  rmSync(folder, { recursive: true })
})

/** Starts a server with these settings in addition to those that it needs. `seen` collects its output. */
async function start(env: Readonly<Record<string, string>>, host = '127.0.0.1') {
  const port = freePort()
  const all = {
    ...{ PATH: process.env.PATH ?? '', APP_PORT: String(port) },
    ...{ DB_URL: 'sqlite:///a.db', DOCKER_HOST: 'unix:///nope/docker.sock' },
    ...env,
  }
  const child = Bun.spawn(MAIN, { cwd: folder, env: all, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  running.push(child)
  const seen = { output: '' }
  void (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) seen.output += decoder.decode(chunk, { stream: true })
  })()
  const statusAt = (address: string) =>
    fetch(`http://${address}:${port}/healthz`).then(
      ({ status }) => status,
      () => null,
    )
  await until('it listens', async () => (await statusAt(host)) === 200)
  const healthcheck = async (extra: Readonly<Record<string, string>> = {}): Promise<string> => {
    const check = Bun.spawn([...MAIN, '--healthcheck'], {
      cwd: folder,
      env: { ...all, ...extra },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    // Without a Docker Engine no server is ready.
    expect([await check.exited, check.signalCode]).toEqual([1, null])
    return check.stdout.text()
  }
  return { port, seen, statusAt, healthcheck }
}

test('without a key only this machine gets in, which is said', async () => {
  const { seen, statusAt, healthcheck } = await start({})
  // Another address of this machine, where a server that listens on all addresses would answer.
  expect(await statusAt('127.0.0.2')).toBeNull()
  await until('it is said', () => seen.output.includes('it listens on 127.0.0.1 only, since there is no key'))
  expect(await healthcheck()).toMatch(FOUND)
})

test('with keys in a file everybody gets in who has one, and a wrong one waits', async () => {
  const API_KEY_FILE = join(folder, 'keys')
  writeFileSync(API_KEY_FILE, `${KEYS.join('\n')}\n`)
  const { port, seen, statusAt, healthcheck } = await start({ API_KEY_FILE })
  expect(await statusAt('127.0.0.2')).toBe(200)
  const ask = async (key: string) => {
    const startedMs = performance.now()
    const headers = { authorization: `Bearer ${key}` }
    const { status } = await fetch(`http://127.0.0.2:${port}/events/stream_ended`, {
      method: 'POST',
      headers,
    })
    return { status, tookMs: performance.now() - startedMs }
  }
  for (const key of KEYS) expect((await ask(key)).status).toBe(200)
  const wrong = await ask('wrong')
  expect(wrong.status).toBe(403)
  // A timer may fire a fraction of a millisecond early.
  expect(wrong.tookMs).toBeGreaterThan(249)
  expect(seen.output).not.toContain('no key')
  rmSync(API_KEY_FILE)
  // Docker runs the health check with only the environment, and the file may be gone.
  expect(await healthcheck()).toMatch(FOUND)
})

test.each([
  ['::1', '[::1]'],
  ['localhost', 'localhost'],
  ['127.0.0.3', '127.0.0.3'],
])('the health check finds a server on %s, and no other', async (BIND, host) => {
  const { healthcheck } = await start({ BIND }, host)
  expect(await healthcheck()).toMatch(FOUND)
  expect(await healthcheck({ APP_PORT: String(freePort()) })).toStartWith('no answer from ')
})
