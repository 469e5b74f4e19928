import { describe, expect, test } from 'bun:test'
import { type Bench, failureOf } from './runtime-contract.ts'

/** The contract of images and of the host's platform, for every runtime. */
export function contractOfImages(bench: Bench): void {
  describe('image', () => {
    test('tells of an image by its name or its id what its containers and the host tell', async () => {
      const { runtime, subject } = bench
      const image = await runtime.image(subject.image)
      expect(image.id).toMatch(/^sha256:[0-9a-f]{64}$/)
      expect(image.sizeBytes).toBeGreaterThan(0)
      expect(await runtime.image(image.id)).toEqual(image)
      const { os, architecture, version } = await runtime.host()
      expect({ os, architecture }).toEqual({ os: image.os, architecture: image.architecture })
      expect(version).toMatch(/^\d+\./)
      const id = await bench.started(bench.spec())
      expect((await runtime.inspect(id)).imageId).toBe(image.id)
    })

    test('fails with image_missing for what is not here, or cannot be an image', async () => {
      for (const reference of ['roundhouse-test/none:1', '', '../info', 'a/../../info', 'a b', 'a?b', 'a//b'])
        await failureOf('image_missing', bench.runtime.image(reference))
    })
  })
}
