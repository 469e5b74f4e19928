import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedMigrations } from '../../src/store/migrations.ts'
import { until } from '../support/docker.ts'
import { freePort } from '../support/ports.ts'

/*
 * The files of the database, as the process finds them at its start and loses them while it runs. No Docker Engine answers.
 */

/** The process checks every five seconds whether the files are still there. */
setDefaultTimeout(30_000)

let folder: string
const processes: Bun.Subprocess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
})
afterEach(async () => {
  for (const child of processes) child.kill('SIGKILL')
  await Promise.all(processes.splice(0).map(({ exited }) => exited))
  rmSync(folder, { recursive: true, force: true })
})

const databasePath = () => join(folder, 'a.db')

/** Starts a process with umask 0, under which files are open to everybody by default. */
function spawn() {
  const port = freePort()
  const child = Bun.spawn(
    ['sh', '-c', 'umask 0; exec "$0" "$@"', process.execPath, join(import.meta.dir, '../../src/main.ts')],
    {
      env: {
        PATH: process.env.PATH ?? '',
        ...{ BIND: '127.0.0.1', APP_PORT: String(port) },
        ...{ DB_URL: `sqlite:///${databasePath()}`, DOCKER_HOST: 'unix:///nope/docker.sock' },
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  processes.push(child)
  return { child, url: `http://127.0.0.1:${port}` }
}

/** Runs the program until it gives up. */
async function refusal() {
  const { child } = spawn()
  const [code, errors] = await Promise.all([child.exited, child.stderr.text()])
  return { code, errors }
}

/** Runs the program until it answers. */
async function start() {
  const { child, url } = spawn()
  await until('it answers', async () => {
    if (child.exitCode !== null) throw new Error(await child.stderr.text())
    return fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  const post = (path: string, body: object) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).then(({ status }) => status)
  return {
    child,
    /** Reports a started stream, as a proxy does. */
    report: (id: string) =>
      post('/events/stream_started', {
        engine: { host: '127.0.0.1', port: 19000 },
        stream: { key_type: 'content_id', key: id },
        session: { playback_session_id: 's', stat_url: '', command_url: '', is_live: 1 },
      }),
    storageWarning: async (): Promise<string | undefined> => {
      const status = await (await fetch(`${url}/orchestrator/status`)).json()
      const { warnings } = status as { warnings: { code: string; message: string }[] }
      return warnings.find(({ code }) => code === 'storage_unavailable')?.message
    },
    end: async (signal: 'SIGTERM' | 'SIGKILL') => {
      child.kill(signal)
      await child.exited
      return child.stdout.text()
    },
  }
}

type Running = Awaited<ReturnType<typeof start>>

const modes = () =>
  Object.fromEntries(
    readdirSync(folder).map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
  )

const storedStreams = () => {
  const database = new Database(databasePath())
  const keys = database.query<{ key: string }, []>('SELECT key FROM streams ORDER BY row_id').all()
  database.close()
  return keys.map(({ key }) => key)
}

describe('the files are for their user alone', () => {
  test('when they are made, whatever the umask', async () => {
    await start()
    expect(modes()).toEqual({ 'a.db': '600', 'a.db-wal': '600', 'a.db-shm': '600', 'a.db.lock': '600' })
  })

  test('when they are there with more already, which is told', async () => {
    await (await start()).end('SIGKILL')
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o666)
    const server = await start()
    expect(modes()).toEqual({ 'a.db': '600', 'a.db-wal': '600', 'a.db-shm': '600', 'a.db.lock': '600' })
    const log = await server.end('SIGTERM')
    const line = log.split('\n').find((text) => text.includes('for this user alone now')) ?? '{}'
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      files: ['', '-wal', '-shm', '.lock'].map((suffix) => `${databasePath()}${suffix}`),
    })
  })
})

describe('a start is refused with the remedy', () => {
  test('by a database that a newer version wrote, which stays as it was', async () => {
    await (await start()).end('SIGTERM')
    const database = new Database(databasePath())
    database.run("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('later', 2000000000000)")
    database.run('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    const before = readFileSync(databasePath())
    const { code, errors } = await refusal()
    expect(code).toBe(2)
    expect(errors).toContain(`DB_URL=${databasePath()}\n    its file was written by a newer version`)
    const own = embeddedMigrations().length
    expect(errors).toContain(
      `(its schema is ${own + 1}, and this version has ${own}). Remedy: start that version again; or put in place`,
    )
    expect(errors).not.toMatch(/\n\s+at /)
    expect(readFileSync(databasePath()).equals(before)).toBe(true)
  })

  test.each([
    ['is no database', (bytes: Uint8Array) => bytes.fill(0x78)],
    ['is damaged behind its beginning', (bytes: Uint8Array) => bytes.fill(0xff, 4_096)],
    ['ends in the middle', (bytes: Uint8Array) => bytes.subarray(0, 6_000)],
  ])('by a file that %s', async (_, spoil) => {
    await (await start()).end('SIGTERM')
    writeFileSync(databasePath(), spoil(new Uint8Array(readFileSync(databasePath()))))
    const { code, errors } = await refusal()
    expect(code).toBe(2)
    expect(errors).toMatch(/Remedy: .*put the file of DB_URL aside.*engines are found by their labels/)
    expect(errors).not.toMatch(/\n\s+at /)
  })

  test('by a lock that is no lock, which alone has to go', async () => {
    await (await start()).end('SIGTERM')
    writeFileSync(`${databasePath()}.lock`, 'x'.repeat(5_000))
    const { code, errors } = await refusal()
    expect(code).toBe(2)
    expect(errors).toContain(`Remedy: remove ${databasePath()}.lock`)
  })
})

describe('files that go under the running process are noticed', () => {
  const untilWarned = (server: Running, of: string) =>
    until('it is noticed', async () => (await server.storageWarning())?.includes(of) === true)

  test.each(['-wal', '-shm'])('%s, which is renewed, and nothing is lost', async (suffix) => {
    const server = await start()
    await server.report('before')
    rmSync(`${databasePath()}${suffix}`)
    await server.report('after')
    await until('it is renewed', async () => readdirSync(folder).includes(`a.db${suffix}`))
    await until('writes are taken', async () => (await server.storageWarning()) === undefined)
    await server.report('later')
    await server.end('SIGKILL')
    expect(storedStreams()).toEqual(['before', 'after', 'later'])
  })

  test('the database, and what is reported is still seen', async () => {
    const server = await start()
    rmSync(databasePath())
    await untilWarned(server, 'removed or replaced (a.db)')
    expect(await server.report('late')).toBe(200)
  })

  test('the whole folder, also when a file has its name', async () => {
    const server = await start()
    rmSync(folder, { recursive: true })
    writeFileSync(folder, '')
    await untilWarned(server, 'removed or replaced (a.db)')
    expect(await server.report('late')).toBe(200)
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'a restored copy in its place, which the next start after %s finds as it is',
    async (signal) => {
      await (await start()).end('SIGTERM')
      const copy = join(folder, 'copy')
      copyFileSync(databasePath(), copy)
      const server = await start()
      await server.report('not in the copy')
      renameSync(copy, databasePath())
      await untilWarned(server, 'removed or replaced (a.db)')
      // The log that is left there belongs to another file.
      await until('it is empty', async () => statSync(`${databasePath()}-wal`).size === 0)
      await server.end(signal)
      expect(storedStreams()).toEqual([])
    },
  )
})
