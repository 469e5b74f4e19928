import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { buildBinary } from '../support/binary.ts'
import { until } from '../support/docker.ts'
import { type EngineRow, mustProvision, openTestSite, provision, type TestSite } from '../support/fleet.ts'
import { freePort } from '../support/ports.ts'

/** Docker and the compiler are slow. */
setDefaultTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'roundhouse-binary-'))
const program = join(folder, 'roundhouse')
let site: TestSite

beforeAll(async () => {
  site = await openTestSite()
  buildBinary(folder)
}, 120_000)

afterAll(async () => {
  await site?.cleanUp()
  rmSync(folder, { recursive: true })
})

describe('the binary, alone in a folder', () => {
  test('provisions, probes with its worker, keeps its state over a restart, and ends at once', async () => {
    const server = site.server({}, program)
    await server.start()
    const { container_id } = await mustProvision(server)
    const statuses = async () => (await server.get<EngineRow[]>('/engines')).map(({ status }) => status)
    // Only the worker makes an engine ready.
    await until('its engine is ready', async () => (await statuses())[0] === 'ready')
    expect(await server.end()).toBeLessThan(2_000)
    await server.start()
    expect((await server.get<EngineRow[]>('/engines')).map((row) => row.container_id)).toEqual([container_id])
    // Everything else is inside the binary.
    expect(readdirSync(server.folder).filter((name) => !name.startsWith('orchestrator.db'))).toEqual([])
    expect((await server.delete(`/containers/${container_id}`)).status).toBe(200)
  })

  test('serves with little memory, as the process that was started', async () => {
    const server = site.server({}, program)
    await server.start()
    const textsOf = (what: string) => readFileSync(`/proc/${server.pid}/${what}`, 'utf8').split('\0')
    expect(textsOf('environ')).toContain('BUN_JSC_forceRAMSize=96000000')
    expect(textsOf('cmdline')).toEqual([program, ''])
  })

  test('has Swagger UI inside', async () => {
    const server = site.server({}, program)
    await server.start()
    const page = await (await fetch(`${server.url}/swagger`)).text()
    const assets = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path)
    expect(assets.length).toBe(5)
    for (const path of assets) {
      const asset = await fetch(`${server.url}/${path}`)
      expect([path, asset.status, (await asset.bytes()).length > 100]).toEqual([path, 200, true])
    }
    const { openapi } = await server.get<{ openapi: string }>('/swagger/json')
    expect(openapi).toBe('3.0.3')
  })

  // Minified identifiers would make Elysia accept invalid input silently.
  test('refuses invalid input as the sources do', async () => {
    const server = site.server({}, program)
    await server.start()
    expect(await provision(server, { body: { host_port: 70_000 } })).toMatchObject({
      kind: 'refused',
      status: 422,
    })
    expect((await fetch(`${server.url}/streams?status=playing`)).status).toBe(422)
  })

  test('tells its version, its settings and what is wrong with them', () => {
    const run = (...args: string[]) =>
      Bun.spawnSync([program, ...args], { cwd: folder, env: {}, stderr: 'pipe' })
    expect(run('--version').stdout.toString()).toBe(`roundhouse ${packageJson.version}\n`)
    expect(run('--help').stdout.toString()).toContain('MAX_REPLICAS')
    expect(run('version', '-v').stdout.toString()).toMatch(/^commit +[0-9a-f]{40}\+?$/m)
    expect(run('config').stdout.toString()).toBe(run('--print-config').stdout.toString())
    expect(run('doctor', '--json', '--DOCKER_HOST=/none').stdout.toString()).toContain('"status": "fault"')
    expect(run('healthcheck', `--APP_PORT=${freePort()}`).exitCode).toBe(1)
    expect(run('backup', 'a', '--DB_URL=sqlite:///none.db').stderr.toString()).toContain(
      'there is no database',
    )
    expect(run('restore', 'a').stderr.toString()).toContain('there is no file a')
    expect(run('remove-engines', '--DOCKER_HOST=/none').exitCode).toBe(1)
    const wrong = run('--MAX_REPLICAS=none', '--APP_PORT=70000')
    expect(wrong.exitCode).toBe(2)
    expect(wrong.stderr.toString()).toContain('MAX_REPLICAS')
    expect(wrong.stderr.toString()).toContain('APP_PORT')
  })

  test('shows the licences of all that is in it', async () => {
    const { stdout, exitCode } = Bun.spawnSync([program, '--licenses'], { cwd: folder, env: {} })
    expect(exitCode).toBe(0)
    expect(stdout.toString()).toBe(await Bun.file(join(import.meta.dir, '../../NOTICES.md')).text())
  })

  test('takes neither code nor settings from the folder that it starts in', () => {
    const hostile = mkdtempSync(join(folder, 'hostile-'))
    const trace = join(hostile, 'was-run')
    const put = (name: string, text: string): void => {
      mkdirSync(join(hostile, name, '..'), { recursive: true })
      writeFileSync(join(hostile, name), text)
    }
    const code = `require('node:fs').appendFileSync(${JSON.stringify(trace)}, __filename)`
    put('code.js', code)
    put('bunfig.toml', 'preload = ["./code.js"]')
    put('.env', 'MAX_REPLICAS=7')
    put('.env.production', 'MAX_REPLICAS=8')
    put('tsconfig.json', '{"compilerOptions":{"paths":{"cpu-features":["./code.js"]}}}')
    for (const name of ['cpu-features', 'pino', 'pino-pretty', 'debug', 'long', 'supports-color'])
      put(`node_modules/${name}/index.js`, code)
    const { stdout } = Bun.spawnSync([program, '--print-config'], { cwd: hostile, env: {} })
    expect(stdout.toString()).toMatch(/^default +MAX_REPLICAS=20$/m)
    expect(existsSync(trace)).toBe(false)
  })
})
