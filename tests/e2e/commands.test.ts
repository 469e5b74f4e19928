import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { until } from '../support/docker.ts'
import {
  type EngineRow,
  listedIds,
  mustProvision,
  openTestSite,
  startStream,
  type TestSite,
} from '../support/fleet.ts'
import { freePort } from '../support/ports.ts'
import { call } from '../support/program.ts'
import type { TestServer } from '../support/server.ts'
import { ensureTinyImage } from '../support/tiny-image.ts'

/* Every command of the program, in a process of its own, beside a real server and its engines. The doctor has a file of its own. */

setDefaultTimeout(60_000)

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
})
afterEach(() => site.cleanUp())
afterAll(() => site?.cleanUp())

/** The settings by which a command finds the database and the containers of a server. */
const envOf = (server: TestServer): Readonly<Record<string, string>> => ({
  DB_URL: `sqlite:///${server.databasePath}`,
  APP_PORT: String(server.port),
  CONTAINER_LABEL: `${site.docker.label.key}=${site.docker.label.value}`,
  ...(site.docker.dockerHost === null ? {} : { DOCKER_HOST: site.docker.dockerHost }),
})

/** The names of all containers with the label of this test, running or not. */
async function containers(): Promise<string[]> {
  const { key, value } = site.docker.label
  const rows = await site.docker.client.listContainers({ all: true, filters: { label: [`${key}=${value}`] } })
  return rows.map(({ Names: [name = ''] }) => name.slice(1)).toSorted()
}

const copyIn = (server: TestServer): string => join(server.folder, 'copy.db')

describe('what needs no server', () => {
  test('version tells the version, and with -v what belongs to it', async () => {
    expect((await call(['version'])).stdout).toBe(`roundhouse ${packageJson.version}\n`)
    const { stdout, code } = await call(['version', '-v'])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^roundhouse \S+\ncommit {4}([0-9a-f]{40}\+?|unknown.*)\nBun {7}\d+\.\d+\.\d+ \(linux\/\w+\)\ndatabase {2}\d{4}_\w+\n$/,
    )
  })

  test('config shows the values in force, and a wrong one ends it', async () => {
    const { stdout, code } = await call(['config', '--app-port', '9'], { API_KEY: 'hush' })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^flag {9}APP_PORT=9$/m)
    expect(stdout).not.toContain('hush')
    expect(await call(['config'], { APP_PORT: 'x' })).toMatchObject({ code: 2, stdout: '' })
  })

  test('an unknown command ends with 2 and the nearest name', async () => {
    expect(await call(['backpu', 'a.db'])).toMatchObject({
      ...{ code: 2, stdout: '', stderr: 'There is no command "backpu": backup may be meant.\n' },
    })
  })

  test('the help of a command is its own', async () => {
    expect((await call(['restore', '--help'])).stdout).toStartWith('Usage: roundhouse restore FILE ')
  })

  test('healthcheck fails where nobody answers', async () => {
    expect((await call(['healthcheck'], { APP_PORT: String(freePort()) })).code).toBe(1)
  })
})

describe('backup and restore', () => {
  test('a copy is made while engines are started, and nothing is overwritten', async () => {
    const server = site.server()
    await server.start()
    const provisions = [mustProvision(server), mustProvision(server)]
    const { code, stdout } = await call(['backup', copyIn(server)], envOf(server))
    await Promise.all(provisions)
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^Copied \S+ to \S+ \(\d+ bytes\)\. Put it back with: /),
    ])
    expect(statSync(copyIn(server)).mode & 0o777).toBe(0o600)
    const again = await call(['backup', copyIn(server)], envOf(server))
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringContaining('exists, and no file is overwritten.\nRemedy: '),
    ])
    expect((await call(['healthcheck'], envOf(server))).code).toBe(0)
  })

  test('a copy is put back when the server has ended, and engines since then are found by their labels', async () => {
    const server = site.server()
    await server.start()
    const first = await mustProvision(server)
    expect((await call(['backup', copyIn(server)], envOf(server))).code).toBe(0)
    const second = await mustProvision(server)

    const refused = await call(['restore', copyIn(server)], envOf(server))
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(
      new RegExp(
        `^roundhouse: nothing was restored: the database is in use by process ${server.pid} on host `,
      ),
    )
    expect(refused.stderr).toEndWith('Remedy: stop that server first.\n')
    await server.end()

    const { code, stdout } = await call(['restore', copyIn(server)], envOf(server))
    expect([code, stdout]).toEqual([0, expect.stringContaining('What was there is kept as ')])
    const kept = readdirSync(server.folder).filter((name) => name.includes('.before-restore-'))
    expect(kept).toEqual([
      expect.stringMatching(/^orchestrator\.db\.before-restore-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/),
    ])

    await server.start()
    const expected = [first.container_id, second.container_id].toSorted()
    await until('both engines are known', async () => {
      const rows = await server.get<EngineRow[]>('/engines?status=all')
      return JSON.stringify(rows.map((row) => row.container_id).toSorted()) === JSON.stringify(expected)
    })
    expect((await listedIds(server)).length).toBe(2)
  })

  test('what is no copy is not put back, and nothing is changed', async () => {
    const server = site.server()
    await server.start()
    await server.end()
    const wrong = join(server.folder, 'wrong.db')
    writeFileSync(wrong, 'no database')
    const before = readdirSync(server.folder)
    for (const [file, words] of [
      [wrong, 'nothing was restored: file is not a database'],
      [join(server.folder, 'none.db'), 'nothing was restored: there is no file '],
    ] as const) {
      const { code, stderr } = await call(['restore', file], envOf(server))
      expect([code, stderr]).toEqual([1, expect.stringContaining(words)])
    }
    expect(readdirSync(server.folder)).toEqual(before)
    const none = await call(['backup', copyIn(server)], { DB_URL: `sqlite:///${server.folder}/none.db` })
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('there is no database at ')])
  })
})

describe('remove-engines', () => {
  test('lists the containers with their streams, refuses while the server runs, and removes ours alone', async () => {
    const [ours, theirs] = [site.server({ TAKE_OVER: 'never' }), site.server({ TAKE_OVER: 'never' })]
    await ours.start()
    await theirs.start()
    const busy = await mustProvision(ours)
    const idle = await mustProvision(ours)
    const other = await mustProvision(theirs)
    await startStream(ours, busy)
    const stranger = await strange()

    const listed = await call(['remove-engines'], envOf(ours))
    expect([listed.code, listed.stderr]).toEqual([0, ''])
    expect(listed.stdout).toStartWith('2 containers of this installation:\n  NAME ')
    expect(listed.stdout).toMatch(
      new RegExp(`^ {2}${busy.container_name} +${busy.container_id.slice(0, 12)} +running +1$`, 'm'),
    )
    expect(listed.stdout).toMatch(
      new RegExp(`^ {2}${idle.container_name} +${idle.container_id.slice(0, 12)} +running +0$`, 'm'),
    )
    expect(listed.stdout).toContain('2 containers with the label ')
    expect(listed.stdout).toEndWith(
      'Nothing was removed. The server runs: stop it before roundhouse remove-engines --yes.\n',
    )

    const refused = await call(['remove-engines', '--yes'], envOf(ours))
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('which would start engines again.\nRemedy: stop that server first, or ')
    expect(await containers()).toHaveLength(4)

    await ours.end('SIGKILL')
    const again = await call(['remove-engines'], envOf(ours))
    expect(again.stdout).toEndWith('ends their streams: roundhouse remove-engines --yes\n')
    const removed = await call(['remove-engines', '--yes'], envOf(ours))
    expect([removed.code, removed.stderr]).toEqual([0, ''])
    expect(removed.stdout).toEndWith('Removed 2 containers.\n')
    expect(await containers()).toEqual([other.container_name, stranger].toSorted())

    // The next start finds its engines gone, and is ready.
    await ours.start()
    expect(await ours.get<EngineRow[]>('/engines?status=all')).toEqual([])
  })

  test('without a database removes only engines without the id of an installation', async () => {
    const server = site.server()
    await server.start()
    const engine = await mustProvision(server)
    await server.end()
    const earlier = await strange({ 'acestream.http_port': '40000' })
    const env = { ...envOf(server), DB_URL: `sqlite:///${server.folder}/none.db` }
    const { code, stdout } = await call(['remove-engines', '--yes'], env)
    expect(code).toBe(0)
    expect(stdout).toStartWith(
      `There is no database at ${server.folder}/none.db, so only engines without the id`,
    )
    expect(stdout).toContain(`  ${earlier} `)
    expect(await containers()).toEqual([engine.container_name])
    expect(readdirSync(server.folder)).not.toContain('none.db')
  })

  test('removes nothing where Docker or the database can not be asked', async () => {
    const server = site.server()
    await server.start()
    await server.end()
    const dead = await call(['remove-engines', '--yes'], {
      ...envOf(server),
      DOCKER_HOST: 'unix:///nowhere.sock',
    })
    expect([dead.code, dead.stderr]).toEqual([
      1,
      expect.stringContaining('There is no Docker socket at /nowhere.sock'),
    ])
    writeFileSync(join(server.folder, 'wrong.db'), 'no database')
    const wrong = await call(['remove-engines'], {
      ...envOf(server),
      DB_URL: `sqlite:///${server.folder}/wrong.db`,
    })
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('file is not a database')])
  })

  /** Somebody else's container with our label. */
  async function strange(labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const { client, label } = site.docker
    const name = `stranger-${label.value}`
    await client.createContainer({
      ...{ name, Image: await ensureTinyImage(client), Labels: { [label.key]: label.value, ...labels } },
    })
    return name
  }
})
