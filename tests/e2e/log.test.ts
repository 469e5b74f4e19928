import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../support/docker.ts'
import { FeedClient } from '../support/feed-client.ts'
import { mustProvision } from '../support/fleet.ts'
import type { RunningGluetun } from '../support/gluetun.ts'
import { freePort } from '../support/ports.ts'
import { call, programWords } from '../support/program.ts'
import { rawAnswer } from '../support/raw-http.ts'
import type { TestServer } from '../support/server.ts'
import { ensureTinyImage } from '../support/tiny-image.ts'
import { openVpnSite, type VpnRow, type VpnSite } from '../support/vpn-site.ts'

/*
 * What real processes write: no secret of any setting, in whatever they are made to say; and lines of text that nobody else
 * can write.
 */

setDefaultTimeout(60_000)

/** Every secret of these tests has this in it. */
const MARK = 'mArKeD'
const secret = (name: string): string => `${MARK}-${name}`
const KEY = secret('api-key')
const KEYED = { authorization: `Bearer ${KEY}` }

let vpn: VpnSite
let gluetun: RunningGluetun
let folder: string

beforeAll(async () => {
  vpn = await openVpnSite()
  gluetun = await vpn.gluetun()
  folder = mkdtempSync(join(tmpdir(), 'roundhouse-log-'))
  await until('Gluetun is healthy', async () => (await gluetun.health()) === 'healthy')
}, 120_000)
afterEach(() => rmSync(join(folder, 'key'), { force: true }))
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await vpn?.cleanUp()
})

/** Variables and labels of engines, some of which are secret by their names. */
const PARTS = {
  ENGINE_LABELS: JSON.stringify({ 'proxy.password': secret('label'), plain: 'shown' }),
  ENGINE_CMD: JSON.stringify([`--access-token=${secret('command')}`]),
}
const ENGINE_ENV = {
  MY_TOKEN: secret('token'),
  WIREGUARD_PRIVATE_KEY: `${secret('private')}=="x`,
  PLAIN: 'shown',
}

/** Everything that was got from the server and the program. */
const texts: string[] = []

async function ask(
  server: TestServer,
  method: string,
  path: string,
  headers = {},
  body?: unknown,
): Promise<number> {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  texts.push(JSON.stringify([...answer.headers]), await answer.text())
  return answer.status
}

const READS = [
  '/orchestrator/status',
  '/orchestrator/plan',
  '/vpn/status',
  '/health/status',
  '/engines?status=all',
  '/streams',
  '/events?limit=1000',
  '/metrics',
  '/swagger/json',
]

test('no secret of any setting is in the log, the journal, the feed, an answer, or what a command prints', async () => {
  writeFileSync(join(folder, 'gluetun'), secret('gluetun'))
  const env = {
    ...PARTS,
    API_KEY: `${KEY},${secret('second-key')}`,
    API_KEY_PROTECT_READS: 'true',
    GLUETUN_API_KEY_FILE: join(folder, 'gluetun'),
    TARGET_IMAGE: await ensureTinyImage(vpn.site.docker.client),
    LOG_LEVEL: 'debug',
    MIN_REPLICAS: '0',
    STARTUP_TIMEOUT_S: '3',
    PROVISION_DEADLINE_MS: '20000',
  }
  const server = vpn.server([gluetun], env, ENGINE_ENV)
  await server.start()

  const feed = new FeedClient(await fetch(`${server.url}/events/stream`, { headers: KEYED })).start()
  await until('the VPN is up', async () => {
    const status = await fetch(`${server.url}/vpn/status`, { headers: KEYED })
    return ((await status.json()) as VpnRow).connected
  })
  // The command is no program of this image, which its log says.
  expect(await ask(server, 'POST', '/provision/acestream', KEYED, { labels: {}, env: {} })).toBe(200)
  const env2 = { A_SECRET: secret('request') }
  await ask(server, 'POST', '/provision/acestream', KEYED, { labels: {}, env: env2, image: 'missing:1' })
  for (const key of [secret('wrong-key'), secret('wrong-key-2')]) {
    const headers = { authorization: `Bearer ${key}`, cookie: `sid=${secret('cookie')}` }
    expect(await ask(server, 'GET', '/engines', headers)).toBe(403)
    expect(await ask(server, 'POST', `/scale/1?api_key=${secret('query')}`, headers)).toBe(403)
    expect(await ask(server, 'POST', '/events/stream_ended', headers, {})).toBe(403)
  }
  expect(await ask(server, 'POST', '/gc', KEYED)).toBe(200)
  expect(await ask(server, 'DELETE', '/containers/nothing', KEYED)).toBe(404)
  await feed.until('the failed engine', ({ data }) => data.kind === 'engine.failed')
  for (const path of READS) expect(await ask(server, 'GET', path, KEYED)).toBe(200)
  texts.push(JSON.stringify(feed.events))
  await feed.leave()
  const settings = {
    ...env,
    APP_PORT: String(freePort()),
    GLUETUN_CONTAINER_NAME: gluetun.options.name,
    ENGINE_ENV: JSON.stringify(ENGINE_ENV),
    DB_URL: `sqlite:///${server.databasePath}`,
  }
  const { GLUETUN_API_KEY_FILE: _, ...others } = settings
  const basic = { ...others, GLUETUN_API_USER: 'joe', GLUETUN_API_PASSWORD: secret('password') }
  const bad = {
    API_KEY: `${secret('bad')}\n`,
    ENGINE_ENV: `A_TOKEN ${secret('bad env')}`,
    ENGINE_LABELS: `{"a.key": ${secret('bad label')}`,
    ENGINE_CMD: `run --token "${secret('bad command')}`,
  }
  const called = await Promise.all([
    call(['config'], settings),
    call(['config'], { ...basic, ...bad }),
    call(['doctor', '--json'], basic),
    call(['doctor'], { ...settings, ...bad }),
  ])
  texts.push(...called.map(({ stdout, stderr }) => stdout + stderr))
  await server.end()
  // What is searched has what it was made to say.
  expect(server.output).toContain('"level":"debug"')
  expect(server.output).toContain('wrong key')
  expect(server.output).toContain('--access-token=***')
  expect(texts.join('\n')).toContain('--access-token=***')
  expect(called[0]?.stdout).toContain('"PLAIN":"shown"')
  expect(called[0]?.stdout).toContain('"plain":"shown"')
  const lines = [...texts, server.output].flatMap((text) => text.split('\n'))
  expect(lines.filter((line) => line.includes(MARK))).toEqual([])
})

/** A `User-Agent` that would begin a line of its own, and change the colour of a terminal, if it were written as it is. */
const FORGER = 'x\x9b31m\t2026-01-01 00:00:00.000 ERROR forged level=ERROR'

test('at a terminal the log is text in local time, and what callers send neither forges a line nor a member', async () => {
  const server = vpn.site.server({ ...QUIET, TZ: 'Asia/Kolkata' }, terminalProgram())
  await server.start()
  const engine = await mustProvision(server)
  await server.post('/events/stream_started', {
    engine: { host: 'localhost', port: engine.host_http_port },
    stream: { key_type: 'content_id', key: 'k'.repeat(40) },
    session: { playback_session_id: 's', stat_url: 'http://x/s', command_url: 'http://x/c', is_live: 1 },
    labels: { stream_id: 'one' },
  })
  await server.post('/events/stream_ended', { stream_id: 'one', reason: 'a\u2028b c=d' })
  const request = `DELETE /containers/a%20INFO HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${FORGER}\r\n`
  await rawAnswer(server.port, `${request}X-Request-Id: bad id\r\nConnection: close\r\n\r\n`)
  await until('the order is told', () => Promise.resolve(server.output.includes('DELETE /containers/')))
  const text = server.output.replaceAll('\r\n', '\n')
  const name = engine.container_name
  expect(text).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO {2}listening port=\d+ bind=127.0.0.1 version=/m,
  )
  expect(text).toContain('Roundhouse')
  expect(text).toContain(`INFO  engine started engine=`)
  expect(text).toMatch(
    new RegExp(`INFO  stream started on ${name} name=${name} stream=k{40} from=127.0.0.1 `),
  )
  expect(text).toMatch(
    new RegExp(`INFO  stream ended on ${name} after \\d+ s: a\\\\u\\{2028\\}b c=d name=${name} `),
  )
  const orders = text.split('\n').filter((line) => line.includes('DELETE /containers/'))
  expect(orders).toEqual([expect.stringContaining('from=127.0.0.1 agent="xÂ\\x9b31m\\t2026-01-01')])
  expect(orders[0]).not.toContain('bad id')
  expect(text.split('\n').filter((line) => line.startsWith('2026-01-01'))).toEqual([])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]/)
  const hour = new Date().toLocaleString('en-GB', { timeZone: 'Asia/Kolkata', hour: '2-digit' })
  const shown = text.split('\n').flatMap((line) => /^\S+ (\d\d):\d\d:\d\d\.\d{3} INFO/.exec(line)?.[1] ?? [])
  expect(shown.at(-1)).toBe(hour)
})

const QUIET = { MIN_REPLICAS: '0' }

/** A program that runs ours at a terminal. */
function terminalProgram(): string {
  const path = join(folder, 'at-terminal')
  writeFileSync(path, `#!/bin/sh\nexec script -qec "${programWords().join(' ')}" /dev/null\n`, {
    mode: 0o755,
  })
  return path
}
