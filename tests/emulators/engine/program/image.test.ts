/** Tests the image on a real Docker Engine, at `DOCKER_HOST` or the default socket. */

import { afterAll, beforeAll, expect, test } from 'bun:test'
import Docker from 'dockerode'
import { buildEngineImage } from '../../../support/engine-image.ts'
import { ByteReader } from '../testing/byte-reader.ts'
import { EngineClient, environment, freePorts, until } from '../testing/harness.ts'
import { parsePackets } from '../testing/packets.ts'

const docker = new Docker()
const LABEL = 'roundhouse.test.engine-image'
const run = crypto.randomUUID()
const IMAGE_DEADLINE_MS = 60_000
let image = ''

beforeAll(async () => {
  image = await buildEngineImage()
}, IMAGE_DEADLINE_MS)

afterAll(async () => {
  const filters = { label: [`${LABEL}=${run}`] }
  for (const { Id } of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(Id).remove({ force: true })
  }
})

test('the image is only built when something changed', async () => {
  const startedMs = performance.now()
  expect(await buildEngineImage()).toBe(image)
  expect(performance.now() - startedMs).toBeLessThan(500)
  expect((await docker.getImage(image).inspect()).RepoTags).toContain('roundhouse-engine-emulator:latest')
})

test('a container of it starts, answers, plays, and ends at once on SIGTERM', async () => {
  const ports = freePorts()
  const flags = `--http-port=${ports.http}\n--api-port=${ports.api}\n--bind-all`
  const env = { ...environment(ports), HTTP_PORT: '6878', API_PORT: '62062', CONF: flags }
  const container = await docker.createContainer({
    Image: image,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: { [LABEL]: run },
    // The host's network: the ports are the requested ones, and no bridge must be reachable from here.
    HostConfig: { NetworkMode: 'host' },
  })
  await container.start()
  const engine = new EngineClient(ports)
  await until(async () => (await engine.state().catch(() => null))?.ready === true)
  expect((await engine.state()).config).toMatchObject({ ports, flags: flags.split('\n') })

  const { playback_url } = await engine.open()
  const reader = new ByteReader(await engine.get(playback_url))
  expect(parsePackets(await reader.take(18_800))).toHaveLength(100)
  await reader.leave()

  const startedMs = performance.now()
  await container.stop({ t: 10 })
  expect(performance.now() - startedMs).toBeLessThan(5000)
  expect((await container.inspect()).State.ExitCode).toBe(0)
})
