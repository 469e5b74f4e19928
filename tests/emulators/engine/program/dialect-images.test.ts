/** Tests the images of the dialects on a real Docker Engine: each starts as its family does, with what it is told. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Container } from 'dockerode'
import { buildDialectImages, type DialectImages, type FamilyName } from '../../../support/dialect-images.ts'
import { connectTestDocker, type TestDocker, until } from '../../../support/docker.ts'

setDefaultTimeout(60_000)

interface Case {
  /** What an orchestrator gives so that HTTP is on port 7001 of every address. */
  readonly command?: string
  readonly env?: readonly string[]
  /** Where HTTP is without that; null if the engine does not start. */
  readonly alone: string | null
  readonly isChecked?: true
}

const LOOPBACK = '127.0.0.1:6878'
const ALL = '0.0.0.0:6878'
const FLAGS = '--client-console --bind-all --http-port=7001'

const CASES: Readonly<Record<FamilyName, Case>> = {
  'http-proxy': { env: ['HTTP_PORT=7001', 'BIND_ALL=true'], alone: LOOPBACK },
  martinbjeldbak: { command: '--bind-all --http-port=7001', alone: LOOPBACK },
  'jopsis-x64': { env: [`ACESTREAM_ARGS=${FLAGS}`], alone: ALL, isChecked: true },
  aceserve: { command: 'python main.py --bind-all --http-port=7001', alone: ALL },
  'aceserve-checked': { command: 'python main.py --bind-all --http-port=7001', alone: ALL, isChecked: true },
  'nano-ace': { command: `/acestream/acestreamengine ${FLAGS}`, alone: ALL },
  'start-engine': { command: FLAGS, alone: ALL, isChecked: true },
  acelink: { command: '--http-port=7001', alone: ALL, isChecked: true },
  'ubuntu-home': { env: ['HTTP_PORT=7001', 'HTTPS_PORT=7009'], alone: null },
  'ubuntu-home-checked': { env: ['HTTP_PORT=7001', 'HTTPS_PORT=7002'], alone: ALL },
  'engine-arguments': { command: FLAGS, alone: LOOPBACK },
  vstavrinov: { command: `./start-engine ${FLAGS}`, alone: LOOPBACK },
  trexx: { command: `/app/start-engine ${FLAGS}`, alone: LOOPBACK },
}
const NAMES = Object.keys(CASES) as FamilyName[]

let docker: TestDocker
let images: DialectImages<FamilyName>

beforeAll(async () => {
  docker = await connectTestDocker()
  images = await buildDialectImages(docker, NAMES)
}, 120_000)

afterEach(() => docker.cleanUp())
afterAll(async () => {
  await docker.cleanUp()
  await images.remove()
})

async function run(family: FamilyName, { command, env = [] }: Partial<Case> = {}): Promise<Container> {
  const container = await docker.client.createContainer({
    Image: images.reference(family),
    Env: [...env],
    ...(command === undefined ? {} : { Cmd: command.split(' ') }),
    Labels: { [docker.label.key]: docker.label.value },
  })
  await container.start()
  return container
}

/** Where the engine serves HTTP, as its log says; null if it has ended. */
const httpAddress = async (container: Container): Promise<string | null> => {
  const found = await until('it serves or has ended', async () => {
    const log = String(await container.logs({ stdout: true, stderr: true }))
    const [, host, port] = /bound on \('([\d.]+)', (\d+)\)/.exec(log) ?? []
    if (host !== undefined) return { address: `${host}:${port}` }
    return !(await container.inspect()).State.Running && { address: null }
  })
  return found.address
}

describe.each(NAMES)('%s', (family) => {
  test('starts as it was told', async () => {
    expect(await httpAddress(await run(family, CASES[family]))).toBe('0.0.0.0:7001')
  })

  test('alone, it listens where the image says', async () => {
    expect(await httpAddress(await run(family))).toBe(CASES[family].alone)
  })

  test('has the health check of its family, which fails where port 6878 is not its own', async () => {
    const isChecked = CASES[family].isChecked ?? false
    const { Config } = await docker.client.getImage(images.reference(family)).inspect()
    expect(Config.Healthcheck !== undefined).toBe(isChecked)
    if (!isChecked) return
    const [told, alone] = [await run(family, CASES[family]), await run(family)]
    const healthOf = async (container: Container) => (await container.inspect()).State.Health?.Status
    await until('Docker calls the first unhealthy', async () => (await healthOf(told)) === 'unhealthy')
    await until('Docker calls the second healthy', async () => (await healthOf(alone)) === 'healthy')
  })
})

test('nano-ace has no shell', async () => {
  const container = await run('nano-ace')
  const exec = await container.exec({ Cmd: ['sh', '-c', 'true'], AttachStdout: true })
  const stream = await exec.start({})
  stream.resume()
  await until('it ended', async () => (await exec.inspect()).ExitCode)
  expect((await exec.inspect()).ExitCode).toBeGreaterThanOrEqual(126)
})

test('the tags are those of this run, and removing them leaves the emulator', async () => {
  const others = await connectTestDocker()
  const { reference, remove } = await buildDialectImages(others, ['jopsis-x64'])
  expect(reference('jopsis-x64')).toBe(`jopsis/acestream:x64-${others.label.value}`)
  await remove()
  const { RepoTags } = await docker.client.getImage(images.reference('jopsis-x64')).inspect()
  expect(RepoTags).toContain(images.reference('jopsis-x64'))
  expect(RepoTags).not.toContain(reference('jopsis-x64'))
})
