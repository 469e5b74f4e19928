import { describe, expect, test } from 'bun:test'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import type { PullProgress } from '../../src/runtime/runtime.ts'
import { type Bench, failureOf, type SingleHostSubject } from './runtime-contract.ts'

const IGNORED = () => undefined

/** The contract of images and of the host's platform, on one host. */
export function contractOfImages(bench: Bench<SingleHostSubject>): void {
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

  describe('pull', () => {
    test('puts an image on the host, and tells of its progress until all has come', async () => {
      const image = `${bench.subject.offer('slow', '1')}:1`
      await failureOf('image_missing', bench.runtime.image(image))
      const told: PullProgress[] = []
      await bench.runtime.registry.pull(image, (progress) => told.push(progress))
      expect((await bench.runtime.image(image)).architecture).toBe('amd64')
      expect(told.length).toBeWithin(3, 12)
      for (const { currentBytes, totalBytes, layersDone, layers } of told) {
        expect(currentBytes).toBeLessThanOrEqual(totalBytes)
        expect(layersDone).toBeLessThanOrEqual(layers)
      }
      const last = told.at(-1)
      expect(last?.currentBytes).toBeGreaterThan(0)
      expect(last?.currentBytes).toBe(last?.totalBytes as number)
      expect(last?.layers).toBeGreaterThan(0)
      expect(last?.layersDone).toBe(last?.layers as number)
      const id = await bench.started(bench.spec({ image }))
      expect((await bench.runtime.inspect(id)).state).toBe('running')
    })

    test('of a name without a tag gets latest and no other tag', async () => {
      const name = bench.subject.offer('whole', 'latest', 'other')
      await bench.runtime.registry.pull(name, IGNORED)
      expect(await bench.runtime.image(name)).toEqual(await bench.runtime.image(`${name}:latest`))
      await failureOf('image_missing', bench.runtime.image(`${name}:other`))
    })

    test('of an image that is here already does nothing and tells of nothing', async () => {
      const image = `${bench.subject.offer('whole', '1')}:1`
      await bench.runtime.registry.pull(image, IGNORED)
      const before = await bench.runtime.image(image)
      const told: PullProgress[] = []
      await bench.runtime.registry.pull(image, (progress) => told.push(progress))
      expect(told).toEqual([])
      expect(await bench.runtime.image(image)).toEqual(before)
    })

    test('moves the name to a new image, and what was made from the old one keeps its image', async () => {
      const { runtime, subject } = bench
      const image = `${subject.offer('whole', '1')}:1`
      await runtime.registry.pull(image, IGNORED)
      const old = await runtime.image(image)
      const id = await runtime.create(bench.spec({ image }))
      subject.replace(image)
      await runtime.registry.pull(image, IGNORED)
      const renewed = await runtime.image(image)
      expect(renewed.id).not.toBe(old.id)
      expect((await runtime.inspect(id)).imageId).toBe(old.id)
      expect((await runtime.list()).map(({ imageId }) => imageId)).toEqual([old.id])
    })

    test('is refused where the registry has no such image, or says no, and where it sends none', async () => {
      const missing = `${bench.subject.offer('whole', '1')}:2`
      const denied = `${bench.subject.offer('denied', '1')}:1`
      const broken = `${bench.subject.offer('broken', '1')}:1`
      for (const image of [missing, denied, broken]) {
        const failure = await failureOf('refused', bench.runtime.registry.pull(image, IGNORED))
        expect(failure.message).toContain(image)
        await failureOf('image_missing', bench.runtime.image(image))
      }
      for (const image of ['', '../info', 'a b'])
        await failureOf('refused', bench.runtime.registry.pull(image, IGNORED))
    })

    test('is unreachable where the registry is', async () => {
      const image = `${bench.subject.offer('away', '1')}:1`
      const failure = await failureOf('unreachable', bench.runtime.registry.pull(image, IGNORED))
      expect(failure.message).toContain(image)
    })

    test('has no deadline but for silence', async () => {
      const hasty = bench.subject.withDeadlines({ ...DEFAULT_DEADLINES_MS, pull: 1_500 })
      await hasty.registry.pull(`${bench.subject.offer('slow', '1')}:1`, IGNORED)
      const stalled = `${bench.subject.offer('stalls', '1')}:1`
      const failure = await failureOf('unreachable', hasty.registry.pull(stalled, IGNORED))
      expect(failure.effect).toBe('unknown')
      await failureOf('image_missing', bench.runtime.image(stalled))
    }, 20_000)

    test('ends when it is given up, and leaves no image', async () => {
      const image = `${bench.subject.offer('slow', '1')}:1`
      const abort = new AbortController()
      const pulling = bench.runtime.registry.pull(image, () => abort.abort(), abort.signal)
      expect((await failureOf('unreachable', pulling)).effect).toBe('unknown')
      // The image would have come meanwhile.
      await bench.runtime.registry.pull(`${bench.subject.offer('slow', '1')}:1`, IGNORED)
      await failureOf('image_missing', bench.runtime.image(image))
    }, 20_000)
  })
}
