import { describe, expect, test } from 'bun:test'
import { until } from './docker.ts'
import { type Bench, failureOf, type SingleHostSubject } from './runtime-contract.ts'

/** The contract of a runtime that counts what containers use. */
export function contractOfMeters(bench: Bench<SingleHostSubject>): void {
  describe('traffic', () => {
    test('grows with what comes to a running container, and begins anew with its next start', async () => {
      const id = await bench.started(bench.spec())
      await bench.subject.send(id, 50_000)
      await until('what was sent is counted', async () => {
        const traffic = await bench.runtime.meters.traffic(id)
        return traffic !== null && traffic.receivedBytes >= 50_000 && traffic.sentBytes >= 0
      })
      await bench.runtime.stop(id, 5)
      await bench.runtime.start(id)
      const anew = (await bench.runtime.meters.traffic(id)) ?? { receivedBytes: -1 }
      expect(anew.receivedBytes).toBeWithin(0, 50_000)
    })

    test('is null for what does not run', async () => {
      expect(await bench.runtime.meters.traffic(await bench.runtime.create(bench.spec()))).toBeNull()
      const stopped = await bench.started(bench.spec())
      await bench.runtime.stop(stopped, 5)
      expect(await bench.runtime.meters.traffic(stopped)).toBeNull()
    })

    test("is null without a network of its own: another container's, the host's, or none", async () => {
      const owner = await bench.started(bench.spec())
      for (const network of [`container:${owner}`, 'host', 'none']) {
        const id = await bench.started(bench.spec({ network }))
        expect([network, await bench.runtime.meters.traffic(id)]).toEqual([network, null])
      }
    })

    test('fails with not_found when there is no such container', async () => {
      await failureOf('not_found', bench.runtime.meters.traffic('roundhouse-test-none'))
      await failureOf('not_found', bench.runtime.meters.traffic('../images'))
    })
  })

  describe('usage', () => {
    test('grows with the time of a running container, and begins anew with its next start', async () => {
      const id = await bench.started(bench.spec())
      const before = Date.now()
      await bench.subject.send(id, 50_000)
      const used = await until('what was sent is counted', async () => {
        const usage = await bench.runtime.meters.usage(id)
        return usage?.network && usage.network.receivedBytes >= 50_000 && usage
      })
      expect(Math.abs(used.atMs - before)).toBeLessThan(10_000)
      expect(used.cpuMs).toBeGreaterThanOrEqual(0)
      expect(used.memoryBytes).toBeGreaterThan(0)
      await bench.runtime.stop(id, 5)
      await bench.runtime.start(id)
      const anew = (await bench.runtime.meters.usage(id))?.network
      expect(anew?.receivedBytes).toBeWithin(0, 50_000)
    })

    test("has the network of the container whose network is joined, and none for the host's or none", async () => {
      const owner = await bench.started(bench.spec())
      const joined = await bench.started(bench.spec({ network: `container:${owner}` }))
      await bench.subject.send(owner, 50_000)
      await until('it is counted for both', async () => {
        const usage = await bench.runtime.meters.usage(joined)
        return usage?.network && usage.network.receivedBytes >= 50_000
      })
      for (const network of ['host', 'none']) {
        const usage = await bench.runtime.meters.usage(await bench.started(bench.spec({ network })))
        expect([network, usage?.network, usage?.cpuMs === null]).toEqual([network, null, false])
      }
    })

    test('is null for what does not run, and fails where there is no container', async () => {
      expect(await bench.runtime.meters.usage(await bench.runtime.create(bench.spec()))).toBeNull()
      const stopped = await bench.started(bench.spec())
      await bench.runtime.stop(stopped, 5)
      expect(await bench.runtime.meters.usage(stopped)).toBeNull()
      await failureOf('not_found', bench.runtime.meters.usage('roundhouse-test-none'))
      await failureOf('not_found', bench.runtime.meters.usage('../images'))
    })
  })
}
