import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { ContainerSpec, SingleHostRuntime } from '../../src/runtime/runtime.ts'
import { connectTestDocker, dockerRuntimeAt, type TestDocker, until } from '../support/docker.ts'
import { TestRegistry } from '../support/registry.ts'
import { tinyProgram } from '../support/tiny-image.ts'

const IGNORED = () => undefined

describe('a real Docker Engine', () => {
  let docker: TestDocker
  let registry: TestRegistry
  let runtime: SingleHostRuntime

  beforeAll(async () => {
    docker = await connectTestDocker()
    registry = await TestRegistry.open()
    runtime = dockerRuntimeAt(docker.dockerHost)
  })
  afterAll(async () => {
    await docker.cleanUp()
    await registry.removePulled(docker.client)
    registry.stop()
  })

  const specOf = (image: string): ContainerSpec => ({
    name: `roundhouse-test-${docker.label.value}-${image.replaceAll(/\W/g, '-')}`,
    image,
    env: {},
    labels: { [docker.label.key]: docker.label.value },
    ports: [],
    publishAddress: '',
    network: null,
    memoryBytes: null,
    cpus: null,
  })

  test('gets the rest of a layer whose download broke off', async () => {
    const image = registry.publish(registry.newName(), { tag: '1', way: 'breaks' })
    await runtime.registry.pull(image, IGNORED)
    expect((await runtime.image(image)).id).toMatch(/^sha256:/)
  }, 60_000)

  /**
   * Docker 20.10 starts such a container, and only its log has the reason; newer versions refuse the start. Either way the
   * words are to be had.
   */
  test.each([
    ['of another architecture', 'arm64', tinyProgram('arm64')],
    ['that is no program', 'amd64', Buffer.from('this is no program\n')],
  ])('tells of an image %s why it cannot run', async (_, architecture, program) => {
    const image = registry.publish(registry.newName(), { tag: '1', architecture, program })
    await runtime.registry.pull(image, IGNORED)
    expect((await runtime.image(image)).architecture).toBe(architecture)
    const id = await runtime.create(specOf(image))
    const said = await runtime.start(id).then(
      () =>
        until(
          'its log has the reason',
          async () => (await runtime.logs(id, { lines: 5, bytes: 1_000 })) || null,
        ),
      (error: unknown) => String(error),
    )
    expect(said).toContain('exec format error')
  })
})
