import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../support/docker.ts'
import { freePort } from '../support/ports.ts'

/*
 * Only one process may use a database, and only one may use a port: what a second process is told, and that both are free
 * when the first process is gone.
 */

/** The second process waits for three seconds at its start. */
setDefaultTimeout(30_000)

interface Run {
  readonly pid: number
  readonly port: number
  /** Returns what the process has written to its log so far. */
  readonly logged: () => string
  readonly kill: (signal: 'SIGTERM' | 'SIGKILL') => void
  /** Resolves when the process listens. Throws if it has ended instead. */
  readonly listening: () => Promise<void>
  readonly ended: () => Promise<{ readonly code: number; readonly errors: string }>
}

let folder: string
const runs: Run[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
})
afterEach(async () => {
  for (const run of runs) run.kill('SIGKILL')
  await Promise.all(runs.splice(0).map(({ ended }) => ended()))
  rmSync(folder, { recursive: true })
})

/** Runs a process without a Docker Engine. It answers anyway. */
function run(database = 'a.db', port = freePort()): Run {
  const child = Bun.spawn(['bun', join(import.meta.dir, '../../src/main.ts')], {
    cwd: folder,
    env: {
      PATH: process.env.PATH ?? '',
      ...{ BIND: '127.0.0.1', APP_PORT: String(port) },
      ...{ DB_URL: `sqlite:///${database}`, DOCKER_HOST: 'unix:///nope/docker.sock' },
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let log = ''
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const piece of child.stdout) log += decoder.decode(piece, { stream: true })
  })()
  const ended = Promise.all([child.exited, child.stderr.text(), reading]).then(([code, errors]) => ({
    code,
    errors,
  }))
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    )
  const started: Run = {
    pid: child.pid,
    port,
    logged: () => log,
    kill: (signal) => child.kill(signal),
    listening: async () => {
      await until('it listens', async () => {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error((await ended).errors)
        return answers()
      })
    },
    ended: () => ended,
  }
  runs.push(started)
  return started
}

/** The files that a process has open; none if it has ended. */
function openFiles(pid: number): string[] {
  const files = `/proc/${pid}/fd`
  try {
    return readdirSync(files).map((fd) => readlinkSync(join(files, fd)))
  } catch {
    return []
  }
}

test('the second process is refused with the name of the first, by any path, and the first goes on', async () => {
  const first = run()
  await first.listening()
  symlinkSync('a.db', join(folder, 'link.db'))
  for (const path of ['a.db', join(folder, 'a.db'), 'link.db']) {
    const { code, errors } = await run(path).ended()
    expect(code).toBe(2)
    expect(errors).toMatch(
      new RegExp(
        `^roundhouse can't start\\n\\n  DB_URL=${path}\\n    the database is in use by process ${first.pid} on host ${hostname()}, ` +
          'started \\d{4}-.*Z\\. Remedy: end that process first, or give this one a DB_URL and a CONTAINER_LABEL of its own\\.\\n$',
      ),
    )
  }
  await first.listening()
})

test('after a kill -9 of the first the next start works', async () => {
  const first = run()
  await first.listening()
  first.kill('SIGKILL')
  await first.ended()
  await run().listening()
})

test('a start waits for one that is about to end, as in an update', async () => {
  const first = run()
  await first.listening()
  const second = run()
  await until('the second waits', () => openFiles(second.pid).some((path) => path.endsWith('a.db.lock')))
  first.kill('SIGTERM')
  await second.listening()
  expect((await first.ended()).code).toBe(0)
})

test('a second process on the port of the first is refused, and the first goes on', async () => {
  const first = run()
  await first.listening()
  const { code, errors } = await run('b.db', first.port).ended()
  expect(code).toBe(2)
  expect(errors).toStartWith(`roundhouse can't start\n\n  APP_PORT=127.0.0.1:${first.port}\n`)
  expect(errors).toContain('Remedy: end the process that listens there, or choose another port')
  await first.listening()
})

test('a start waits for the port of one that is about to end', async () => {
  const first = run()
  await first.listening()
  const second = run('b.db', first.port)
  await until('the second waits', () => second.logged().includes('another process has the port'))
  first.kill('SIGTERM')
  expect((await first.ended()).code).toBe(0)
  await second.listening()
})

test('of starts at the same moment one gets the database, and the others name that one', async () => {
  const all = [run(), run(), run(), run()]
  const outcomes = await Promise.all(
    all.map((each) =>
      Promise.race([each.listening().then(() => null), each.ended()]).catch(() => each.ended()),
    ),
  )
  const winners = all.filter((_, index) => outcomes[index] === null)
  expect(winners).toHaveLength(1)
  for (const outcome of outcomes.filter((each) => each !== null)) {
    expect(outcome.code).toBe(2)
    expect(outcome.errors).toContain(`process ${winners[0]?.pid} on host`)
  }
})
