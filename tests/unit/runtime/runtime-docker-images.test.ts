import { describe, expect, test } from 'bun:test'
import { withTag } from '../../../src/runtime/image-names.ts'
import { dockerRuntimeAt } from '../../support/docker.ts'
import { httpAnswer, rawDaemon } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'

const IMAGE = 'registry.test:5000/engine:1'

test.each([
  ['engine', 'engine:latest'],
  ['a/engine:1', 'a/engine:1'],
  ['registry.test:5000/engine', 'registry.test:5000/engine:latest'],
  ['engine@sha256:0123', 'engine@sha256:0123'],
])('the name %s stands for %s', (reference, name) => {
  expect(withTag(reference)).toBe(name)
})

describe('an image', () => {
  const whole = { Id: `sha256:${'a'.repeat(64)}`, Os: 'linux', Architecture: 'arm', Variant: 'v7', Size: 7 }
  const facts = { id: whole.Id, os: 'linux', architecture: 'arm', variant: 'v7', sizeBytes: 7 }

  async function looked(change: object) {
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(200, { ...whole, ...change })))
    return await dockerRuntimeAt(daemon.dockerHost).image(IMAGE)
  }

  test('is read with or without a variant', async () => {
    expect(await looked({})).toEqual(facts)
    for (const Variant of ['', null, undefined])
      expect(await looked({ Variant })).toEqual({ ...facts, variant: null })
  })

  test.each<readonly [string, object]>([
    ['no Id', { Id: undefined }],
    ['an Id that is none', { Id: 'engine:1' }],
    ['no system', { Os: undefined }],
    ['an architecture that is a list', { Architecture: ['arm'] }],
    ['a size that is a text', { Size: '7' }],
  ])('is none with %s', async (_, change) => {
    await failureOf('unreachable', looked(change))
  })

  test('that is missing is told by its name', async () => {
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(404, { message: `No such image: ${IMAGE}` })))
    const failure = await failureOf('image_missing', dockerRuntimeAt(daemon.dockerHost).image(IMAGE))
    expect(failure.message).toContain(`docker pull ${IMAGE}`)
  })
})

describe('the host', () => {
  const version = { Os: 'linux', Arch: 'arm64', Version: '20.10.24', ApiVersion: '1.41' }

  test('is what Docker says of itself', async () => {
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(200, version)))
    const host = await dockerRuntimeAt(daemon.dockerHost).host()
    expect(host).toEqual({ os: 'linux', architecture: 'arm64', version: '20.10.24' })
  })

  test.each(['Os', 'Arch', 'Version'])('is not known from an answer without %s', async (member) => {
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(200, { ...version, [member]: undefined })))
    await failureOf('unreachable', dockerRuntimeAt(daemon.dockerHost).host())
  })
})
