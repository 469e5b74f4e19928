import { describe, expect, test } from 'bun:test'
import type { ContainerSpec } from '../../src/runtime/runtime.ts'
import { until } from './docker.ts'
import { freePort } from './ports.ts'
import { type Bench, failureOf, published } from './runtime-contract.ts'
import { PROGRAMS } from './tiny-image.ts'

/** The contract of calls that change something, for every runtime. */
export function contractOfVerbs(bench: Bench): void {
  describe('create', () => {
    test('gives the id of a container that was never started', async () => {
      const before = Date.now()
      const spec = bench.spec({
        ...published(freePort()),
        labels: { ...bench.subject.label, colour: 'blue' },
      })
      const id = await bench.runtime.create(spec)

      const seen = await bench.runtime.inspect(id)
      expect(seen).toMatchObject({ id, name: spec.name, image: bench.subject.image, state: 'created' })
      expect(seen).toMatchObject({ labels: spec.labels, ports: spec.ports })
      expect(seen).toMatchObject({ address: null, startedAtMs: null, exitCode: null, restarts: 0 })
      expect(seen).toMatchObject({ addresses: [], joins: null, health: null, healthText: null })
      expect(Math.abs(seen.createdAtMs - before)).toBeLessThan(10_000)
    })

    test('shows the variables that are read, and no other, which may be a secret', async () => {
      const env = { VPN_PORT_FORWARDING: 'on', FIREWALL_VPN_INPUT_PORTS: '1,2', OPENVPN_PASSWORD: 'a=b' }
      const id = await bench.runtime.create(bench.spec({ env }))
      const { OPENVPN_PASSWORD: _, ...shown } = env
      expect((await bench.runtime.inspect(id)).variables).toEqual(shown)
      const [listed] = await bench.runtime.list()
      expect(listed).toMatchObject({ id, variables: {} })
    })

    test('refuses a name that is taken', async () => {
      const spec = bench.spec()
      await bench.runtime.create(spec)
      const failure = await failureOf('conflict', bench.runtime.create(spec))
      expect(failure.message).toContain(spec.name)
    })

    bench.testOf('image', 'refuses an image that is not on the host, and pulls nothing', async () => {
      const failure = await failureOf(
        'image_missing',
        bench.runtime.create(bench.spec({ image: 'roundhouse-test/none:1' })),
      )
      expect(failure.message).toContain('roundhouse-test/none:1')
      expect(await bench.runtime.list()).toEqual([])
    })
  })

  describe('start', () => {
    test('runs a container, with its ports', async () => {
      const spec = bench.spec(published(freePort()))
      const id = await bench.started(spec)

      const seen = await bench.runtime.inspect(id)
      expect(seen).toMatchObject({ state: 'running', ports: spec.ports, exitCode: null, restarts: 0 })
      expect(seen.startedAtMs).toBeGreaterThanOrEqual(seen.createdAtMs)
    })

    bench.testOf('addresses', 'gives an address in the default network', async () => {
      const seen = await bench.runtime.inspect(await bench.started(bench.spec()))
      expect(seen.networks).toEqual(['bridge'])
      expect(seen.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
      expect<readonly (string | null)[]>(seen.addresses).toEqual([seen.address])
    })

    bench.testOf('loopback', 'says which ports all addresses have, and which only its own', async () => {
      const port = (at: number, change: object = {}) =>
        ({ containerPort: at, hostPort: freePort(), protocol: 'tcp', ...change }) as const
      const closed = port(6878)
      const open = port(6879, { hostAddress: '' })
      const spec = bench.spec({ ports: [closed, open, port(6880, { hostAddress: '', protocol: 'udp' })] })
      const id = await bench.runtime.create(spec)
      const published = { openPorts: [open.hostPort], loopbackPorts: [closed.hostPort] }
      expect(await bench.runtime.inspect(id)).toMatchObject(published)
      await bench.runtime.start(id)
      expect(await bench.runtime.inspect(id)).toMatchObject(published)
      expect(await bench.runtime.list()).toMatchObject([published])
    })

    test('changes nothing for one that runs', async () => {
      const id = await bench.started(bench.spec())
      const before = await bench.runtime.inspect(id)
      await bench.runtime.start(id)
      expect(await bench.runtime.inspect(id)).toEqual(before)
    })

    test('starts one again that was stopped', async () => {
      const id = await bench.started(bench.spec())
      await bench.runtime.stop(id, 5)
      await bench.runtime.start(id)
      expect(await bench.runtime.inspect(id)).toMatchObject({ state: 'running', exitCode: null })
    })

    test('fails with port_taken when another container has the port', async () => {
      const port = freePort()
      await bench.started(bench.spec(published(port)))
      const id = await bench.runtime.create(bench.spec(published(port)))
      const failure = await failureOf('port_taken', bench.runtime.start(id))
      expect(failure.message).toContain(String(port))
    })

    test('fails with port_taken when a process has the port, and works once it is free', async () => {
      const port = freePort()
      const release = await bench.subject.takePort(port)
      const id = await bench.runtime.create(bench.spec(published(port)))
      try {
        const failure = await failureOf('port_taken', bench.runtime.start(id))
        expect(failure.message).toContain(String(port))
        expect(await bench.runtime.inspect(id)).toMatchObject({
          state: 'created',
          startedAtMs: null,
          exitCode: null,
        })
      } finally {
        release()
      }
      await bench.runtime.start(id)
      expect((await bench.runtime.inspect(id)).state).toBe('running')
    })

    test('leaves a container created whose port was taken, listed, and to be destroyed', async () => {
      const port = freePort()
      const holder = await bench.started(bench.spec(published(port)))
      const id = await bench.runtime.create(bench.spec(published(port)))
      await failureOf('port_taken', bench.runtime.start(id))

      const listed = await bench.runtime.list()
      expect(listed.find((container) => container.id === id)?.state).toBe('created')
      await bench.runtime.destroy(id)
      expect((await bench.runtime.list()).map((container) => container.id)).toEqual([holder])
    })

    test('fails with unrunnable when the command cannot run', async () => {
      const id = await bench.runtime.create(bench.spec({ command: ['/no-such-command'] }))
      const failure = await failureOf('unrunnable', bench.runtime.start(id))
      expect(failure.message).toContain('/no-such-command')
    })

    test('fails with image_missing when the image is not on the host, unless the creation did', async () => {
      const image = 'roundhouse-test/none:1'
      const failure = await failureOf('image_missing', bench.started(bench.spec({ image })))
      expect(failure.message).toContain(image)
    })

    test('fails with refused when the network is not known, unless the creation did', async () => {
      const spec = bench.spec({ network: 'roundhouse-test-none' })
      const failure = await failureOf('refused', bench.started(spec))
      expect(failure.message).toContain('roundhouse-test-none')
    })

    test('fails with not_found when there is no such container', async () => {
      await failureOf('not_found', bench.runtime.start('roundhouse-test-none'))
    })
  })

  describe('stop', () => {
    test('ends a container that obeys, with its own exit code', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      // Before its program has run, the kernel keeps SIGTERM from it.
      await until(
        'it has written',
        async () => (await bench.runtime.logs(id, { lines: 1, bytes: 100 })) !== '',
      )
      await bench.runtime.stop(id, 20)
      const seen = await bench.runtime.inspect(id)
      expect(seen).toMatchObject({
        state: 'exited',
        address: null,
        ...bench.unlessLacking('ends', { exitCode: 0 }),
      })
    })

    test('kills one that does not obey, after the grace', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.stubborn }))
      const before = performance.now()
      await bench.runtime.stop(id, 1)
      expect(performance.now() - before).toBeGreaterThanOrEqual(950)
      const seen = await bench.runtime.inspect(id)
      expect(seen).toMatchObject({ state: 'exited', ...bench.unlessLacking('ends', { exitCode: 137 }) })
    })

    test('changes nothing for one that is stopped, or was never started', async () => {
      const stopped = await bench.started(bench.spec())
      await bench.runtime.stop(stopped, 5)
      const before = await bench.runtime.inspect(stopped)
      await bench.runtime.stop(stopped, 5)
      expect(await bench.runtime.inspect(stopped)).toEqual(before)

      const created = await bench.runtime.create(bench.spec())
      await bench.runtime.stop(created, 5)
      expect((await bench.runtime.inspect(created)).state).toBe('created')
    })

    test('keeps a container stopped that its restart policy would bring back', async () => {
      const restarts = async (id: string) => (await bench.runtime.inspect(id)).restarts ?? 0
      const stopped = await bench.started(bench.spec({ command: PROGRAMS.exit }))
      await bench.runtime.stop(stopped, 5)
      const restartsBefore = await restarts(stopped)

      const other = await bench.started(bench.spec({ command: PROGRAMS.exit }))
      await until('the policy has brought another one back twice', async () => (await restarts(other)) >= 2)
      expect(await bench.runtime.inspect(stopped)).toMatchObject({
        state: 'exited',
        restarts: restartsBefore,
      })
    })

    test('fails with not_found when there is no such container', async () => {
      await failureOf('not_found', bench.runtime.stop('roundhouse-test-none', 0))
    })
  })

  describe('destroy', () => {
    for (const [state, prepare] of [
      ['created', (spec: ContainerSpec) => bench.runtime.create(spec)],
      ['running', (spec: ContainerSpec) => bench.started(spec)],
    ] as const) {
      test(`removes a ${state} container, which is gone when it resolves`, async () => {
        const id = await prepare(bench.spec())
        await bench.runtime.destroy(id)
        await failureOf('not_found', bench.runtime.inspect(id))
        expect(await bench.runtime.list()).toEqual([])
      })
    }

    test('frees the name and the port at once', async () => {
      const spec = bench.spec(published(freePort()))
      await bench.runtime.destroy(await bench.started(spec))
      const id = await bench.started(spec)
      expect((await bench.runtime.inspect(id)).state).toBe('running')
    })

    test('is content when there is no such container', async () => {
      const id = await bench.runtime.create(bench.spec())
      await bench.runtime.destroy(id)
      await bench.runtime.destroy(id)
      await bench.runtime.destroy('roundhouse-test-none')
      await bench.runtime.destroy('')
      expect(await bench.runtime.list()).toEqual([])
    })

    test('by two at a time resolves for both once it is gone', async () => {
      const id = await bench.started(bench.spec())
      const gone = () => failureOf('not_found', bench.runtime.inspect(id))
      await Promise.all([bench.runtime.destroy(id).then(gone), bench.runtime.destroy(id).then(gone)])
    })
  })

  describe('discard', () => {
    test('removes what was never started, and what has stopped; its name is free at once', async () => {
      const spec = bench.spec()
      await bench.runtime.discard(await bench.runtime.create(spec))
      const stopped = await bench.started(spec)
      await bench.runtime.stop(stopped, 5)
      await bench.runtime.discard(stopped)
      await failureOf('not_found', bench.runtime.inspect(stopped))
      await bench.runtime.create(spec)
    })

    test('is refused for what runs, was started meanwhile or waits for its next start, and does nothing', async () => {
      const id = await bench.runtime.create(bench.spec())
      await bench.runtime.start(id)
      const before = await bench.runtime.inspect(id)
      const failure = await failureOf('refused', bench.runtime.discard(id))
      expect(failure.message).toContain(id)
      expect(await bench.runtime.inspect(id)).toEqual(before)
      const restarting = await bench.started(bench.spec({ command: PROGRAMS.exit }))
      await until('it waits for its next start', async () => {
        if ((await bench.runtime.inspect(restarting)).state !== 'restarting') return false
        await failureOf('refused', bench.runtime.discard(restarting))
        return true
      })
    })

    test('is content when there is no such container', async () => {
      for (const reference of ['roundhouse-test-none', '', '../images'])
        await bench.runtime.discard(reference)
    })
  })
}
