import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../support/docker.ts'
import { mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import { untilReady } from '../support/lifecycle.ts'
import { freePortRange, rangeSetting } from '../support/ports.ts'

/* What engines are created with, on a real Docker Engine. */

setDefaultTimeout(60_000)

let site: TestSite
const folder = mkdtempSync(join(tmpdir(), 'roundhouse-images-'))

/** The stand-in under the name of an image that is told its ports by the words of its command, below a mirror's path. */
const FLAGS_ALONE = 'roundhouse-test/wafy80/acestream'
/** The same with a health check that never succeeds, as that of an image which asks port 6878. */
const UNHEALTHY = `${FLAGS_ALONE}:unhealthy`

beforeAll(async () => {
  site = await openTestSite()
  await site.docker.client.getImage(site.image).tag({ repo: FLAGS_ALONE, tag: 'latest' })
  writeFileSync(
    join(folder, 'Dockerfile'),
    `FROM ${site.image}\nHEALTHCHECK --interval=1s --retries=1 CMD ["sh", "-c", "exit 1"]\n`,
  )
  const { client } = site.docker
  const stream = await client.buildImage({ context: folder, src: ['Dockerfile'] }, { t: UNHEALTHY })
  await new Promise((done) => client.modem.followProgress(stream, done))
}, 120_000)

afterEach(() => site.cleanUp())
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await site?.cleanUp()
  for (const name of [`${FLAGS_ALONE}:latest`, UNHEALTHY]) await site?.docker.client.getImage(name).remove()
})

test('an image that reads no variables is ready by its recipe, and has a port for its peers', async () => {
  const server = site.server({ TARGET_IMAGE: FLAGS_ALONE, ENGINE_RECIPE: 'auto' })
  await server.start()
  const { container_id: id, host_http_port: port } = await mustProvision(server)
  await untilReady(server, 1)
  const { Config } = await site.docker.client.getContainer(id).inspect()
  expect(Config.Cmd).toContain(`--http-port=${port}`)
  expect(Config.Cmd?.filter((word) => word.endsWith('='))).toEqual([])
  expect(Config.Cmd?.find((word) => word.startsWith('--port='))).toBe(
    `--port=${Config.Labels['acestream.p2p_port']}`,
  )
  expect(Config.Env).toEqual([expect.stringMatching(/^PATH=/)])
  expect(server.output).not.toContain('image_unknown')
})

test('an engine has an init, what the settings mount, and a published port for its peers', async () => {
  const range = freePortRange(10)
  const server = site.server({
    ENGINE_TMPFS: '/cache:size={cache_bytes},mode=1777',
    ENGINE_VOLUMES: '/etc/hostname:/etc/hostname.host:ro',
    ENGINE_SHM_SIZE: '128m',
    ENGINE_SECURITY_OPT: 'seccomp=unconfined',
    ENGINE_LABELS: 'shown=yes',
    ENGINE_DNS: '127.0.0.53',
    PUBLISH_P2P: 'true',
    ACE_P2P_RANGE: rangeSetting(range),
  })
  await server.start()
  const { container_id: id } = await mustProvision(server)
  await untilReady(server, 1)
  const { Config, HostConfig } = await site.docker.client.getContainer(id).inspect()
  const port = Config.Labels['acestream.p2p_port'] ?? ''
  expect(Number(port)).toBeWithin(range.first, range.last + 1)
  expect(Object.keys(HostConfig.PortBindings)).toEqual(expect.arrayContaining([`${port}/tcp`, `${port}/udp`]))
  expect(HostConfig).toMatchObject({
    Init: true,
    Tmpfs: { '/cache': 'size=1073741824,mode=1777' },
    Binds: ['/etc/hostname:/etc/hostname.host:ro'],
    ShmSize: 128 * 1024 ** 2,
    Dns: ['127.0.0.53'],
    SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
  })
  expect(Config.Labels.shown).toBe('yes')
})

test.each([
  ['none', undefined],
  ['image', 'unhealthy'],
])('the health check of an image counts only with ENGINE_HEALTHCHECK=image: %s', async (setting, verdict) => {
  const server = site.server({ TARGET_IMAGE: UNHEALTHY, ENGINE_HEALTHCHECK: setting })
  await server.start()
  const { container_id: id } = await mustProvision(server)
  await untilReady(server, 1)
  const container = site.docker.client.getContainer(id)
  const health = async () => (await container.inspect()).State.Health?.Status
  if (verdict === undefined) expect((await container.inspect()).Config.Healthcheck?.Test).toEqual(['NONE'])
  await until('Docker has its verdict', async () => (await health()) === verdict)
})
