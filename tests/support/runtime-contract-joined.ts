import { describe, expect, test } from 'bun:test'
import { until } from './docker.ts'
import { freePort } from './ports.ts'
import { type Bench, failureOf, published, type SingleHostSubject } from './runtime-contract.ts'
import { PROGRAMS } from './tiny-image.ts'

/** The contract of containers in the network of another one, and of pauses, on one host. */
export function contractOfJoining(bench: Bench<SingleHostSubject>): void {
  describe('a joined network namespace', () => {
    test('refuses ports in the network of another container', async () => {
      const owner = await bench.started(bench.spec())
      const spec = bench.spec({ network: `container:${owner}`, ...published(freePort()) })
      await failureOf('refused', bench.runtime.create(spec))
    })

    test('gives neither an address nor networks of its own', async () => {
      const owner = bench.spec()
      await bench.started(owner)
      const id = await bench.started(bench.spec({ network: `container:${owner.name}` }))
      expect(await bench.runtime.inspect(id)).toMatchObject({
        state: 'running',
        address: null,
        addresses: [],
        networks: [],
        ports: [],
      })
    })

    test('is told by the id of its network container, or by the name of one that did not exist, in inspect and in list', async () => {
      const owner = bench.spec()
      const networkContainerId = await bench.started(owner)
      const joined = {
        byName: await bench.started(bench.spec({ network: `container:${owner.name}` })),
        byId: await bench.runtime.create(bench.spec({ network: `container:${networkContainerId}` })),
        early: await bench.runtime.create(bench.spec({ network: 'container:roundhouse-test-none' })),
      }
      const expected = new Map([
        [networkContainerId, null],
        [joined.byName, networkContainerId],
        [joined.byId, networkContainerId],
        [joined.early, 'roundhouse-test-none'],
      ])
      expect(new Map((await bench.runtime.list()).map(({ id, joins }) => [id, joins]))).toEqual(expected)
      for (const [id, joins] of expected) expect((await bench.runtime.inspect(id)).joins).toBe(joins)
    })

    test('of a container that does not exist shows at the start, as no_network_container', async () => {
      const id = await bench.runtime.create(bench.spec({ network: 'container:roundhouse-test-none' }))
      const failure = await failureOf('no_network_container', bench.runtime.start(id))
      expect(failure.message).toContain('roundhouse-test-none')
    })

    test('of a container that was removed shows at the start, as no_network_container, though another has its name', async () => {
      const owner = bench.spec()
      const networkContainerId = await bench.started(owner)
      const id = await bench.started(bench.spec({ network: `container:${owner.name}` }))
      await bench.runtime.destroy(networkContainerId)
      await bench.started(owner)
      expect(await bench.runtime.inspect(id)).toMatchObject({ state: 'running', joins: networkContainerId })
      await bench.runtime.stop(id, 5)
      const failure = await failureOf('no_network_container', bench.runtime.start(id))
      expect(failure.message).toContain(networkContainerId)
      expect((await bench.runtime.inspect(id)).joins).toBe(networkContainerId)
    })

    test('outlives the end and the next start of its network container without a change', async () => {
      const owner = await bench.started(bench.spec())
      const id = await bench.started(bench.spec({ network: `container:${owner}` }))
      const before = await bench.runtime.inspect(id)
      await bench.runtime.stop(owner, 5)
      expect(await bench.runtime.inspect(id)).toEqual(before)
      await bench.runtime.start(owner)
      expect(await bench.runtime.inspect(id)).toEqual(before)
    })

    test('of a container that does not run shows at the start, as no_network_container', async () => {
      const owner = await bench.runtime.create(bench.spec())
      const id = await bench.runtime.create(bench.spec({ network: `container:${owner}` }))
      await failureOf('no_network_container', bench.runtime.start(id))
      await bench.runtime.start(owner)
      await bench.runtime.start(id)
      expect((await bench.runtime.inspect(id)).state).toBe('running')
    })
  })

  describe('a paused container', () => {
    test('is not discarded, and its log can be read', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      const lines = async () =>
        (await bench.runtime.logs(id, { lines: 9, bytes: 1_000 })).split('\n').length - 1
      await until('it has written both lines', async () => (await lines()) === 2)
      await bench.subject.pause(id)
      await failureOf('refused', bench.runtime.discard(id))
      expect((await bench.runtime.inspect(id)).state).toBe('paused')
      expect(await lines()).toBe(2)
    })
  })
}
