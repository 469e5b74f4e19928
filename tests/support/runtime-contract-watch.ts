import { describe, expect, test } from 'bun:test'
import { until } from './docker.ts'
import { type Bench, failureOf, type SingleHostSubject, watch } from './runtime-contract.ts'

/** The contract of a runtime that sees containers which are not ours, and of health checks. */
export function contractOfNeighbours(bench: Bench<SingleHostSubject>): void {
  describe('containerAt', () => {
    test('finds the running container with an address, whosever it is', async () => {
      const spec = bench.spec({ labels: bench.subject.foreignLabel })
      const id = await bench.started(spec)
      const { address, networks } = await bench.runtime.inspect(id)
      const found = await bench.runtime.neighbours.containerAt(address ?? '')
      expect(found).toMatchObject({ id, name: spec.name, networks, address })
    })

    test('finds the owner of a network that others join', async () => {
      const id = await bench.started(bench.spec())
      await bench.started(bench.spec({ network: `container:${id}` }))
      const { address } = await bench.runtime.inspect(id)
      expect((await bench.runtime.neighbours.containerAt(address ?? ''))?.id).toBe(id)
    })

    test('is null where no running container has the address', async () => {
      const id = await bench.started(bench.spec())
      const { address } = await bench.runtime.inspect(id)
      await bench.runtime.destroy(id)
      for (const none of [address ?? '', '127.0.0.1', '203.0.113.7', ''])
        expect([none, await bench.runtime.neighbours.containerAt(none)]).toEqual([none, null])
    })
  })

  describe('the verdict of a health check', () => {
    test('is there with its words, and without them when it is good; a list has neither', async () => {
      const checked = await bench.subject.startChecked(bench.spec())
      const look = () => bench.runtime.inspect(checked.id)
      await until('it is unhealthy', async () => (await look()).health === 'unhealthy')
      const { healthText } = await look()
      expect(healthText).toContain('/etc/tiny')
      expect(healthText).not.toContain('\n')
      expect((await bench.runtime.list())[0]).toMatchObject({ health: null, healthText: null })

      await checked.pass()
      await until('it is healthy', async () => (await look()).health === 'healthy')
      expect((await look()).healthText).toBeNull()
    })

    test('is none without a check, also in a container that runs', async () => {
      const id = await bench.started(bench.spec())
      expect(await bench.runtime.inspect(id)).toMatchObject({ health: null, healthText: null })
    })

    test('begins anew with each start, without the words of before', async () => {
      const { id } = await bench.subject.startChecked(bench.spec())
      const health = async () => (await bench.runtime.inspect(id)).health
      await until('it is unhealthy', async () => (await health()) === 'unhealthy')
      await bench.runtime.stop(id, 5)
      expect(await health()).toBe('unhealthy')
      await bench.runtime.start(id)
      const { health: first, healthText } = await bench.runtime.inspect(id)
      expect({ first, healthText }).toEqual({ first: 'starting', healthText: null })
    })
  })

  describe('a watch', () => {
    test('tells of each container of that name, whoever made it, and of no other', async () => {
      const spec = bench.spec({ labels: bench.subject.foreignLabel })
      const watched = await watch(bench.runtime, spec.name)
      await bench.started(bench.spec({ name: `${spec.name}-2` }))
      await bench.runtime.destroy(await bench.started(spec))
      const again = await bench.started(spec)
      // The changes are create, start, die, destroy, create, start, in one order. A change of the other container would have
      // come before them.
      await until('its second start is told', () => watched.changes() >= 6)
      expect(watched.changes()).toBe(6)
      await bench.runtime.stop(again, 5)
      await until('its end is told', () => watched.changes() === 7)
      watched.stop()
      await watched.ended
    })

    test('tells of each change of the verdict of the health check', async () => {
      const spec = bench.spec()
      const { id, pass, fail } = await bench.subject.startChecked(spec)
      const healthIs = (verdict: string) =>
        until(`it is ${verdict}`, async () => (await bench.runtime.inspect(id)).health === verdict)
      await healthIs('unhealthy')
      const watched = await watch(bench.runtime, spec.name)
      await pass()
      await healthIs('healthy')
      await until('it is told', () => watched.changes() === 1)
      await fail()
      await healthIs('unhealthy')
      await until('it is told', () => watched.changes() === 2)
      watched.stop()
      await watched.ended
    })

    test('ends quietly with the signal, also one that was aborted before', async () => {
      const spec = bench.spec()
      const watched = await watch(bench.runtime, spec.name)
      watched.stop()
      await watched.ended
      await bench.runtime.create(spec)
      expect(watched.changes()).toBe(0)

      let told = 0
      const handlers = { onOpen: () => told++, onChange: () => told++ }
      await bench.runtime.neighbours.watch(spec.name, handlers, AbortSignal.abort())
      expect(told).toBe(0)
    })

    test('fails with not_found for what can be no name', async () => {
      for (const name of ['', '../images', 'a b']) {
        await failureOf('not_found', watch(bench.runtime, name))
      }
    })
  })
}
