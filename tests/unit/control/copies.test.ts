import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DEFAULT_DEADLINES_MS } from '../../../src/runtime/docker.ts'
import type { ContainerSpec } from '../../../src/runtime/runtime.ts'
import { liveEngines } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { leasesIn } from '../../../src/store/leases.ts'
import { MemoryRuntime } from '../../support/memory-runtime.ts'
import { IMAGE, LABEL, Rig } from '../../support/rig.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

/* Containers that others create with our labels: tools that recreate an engine, and calls that dockerd completes late. */

interface Listed {
  readonly container_id: string
  readonly container_name: string
  readonly port: number
}

const HOUR_MS = 3_600_000

let rig: Rig
beforeEach(() => {
  // No full pass happens in between, so a container that the sync waits for needs a look of its own.
  rig = new Rig({ MONITOR_INTERVAL_S: '600' })
})
afterEach(() => rig.dispose())

const all = () => rig.json<Listed[]>('GET', '/engines?status=all')
const listed = async () =>
  (await rig.json<Listed[]>('GET', '/engines')).map(({ container_id }) => container_id)
const provision = async () =>
  (await rig.provision()).json() as Promise<{
    container_id: string
    container_name: string
    host_http_port: number
  }>
const remove = (id: string) => rig.during(rig.request('DELETE', `/containers/${id}`))
const ids = () => rig.runtime.containers().map(({ id }) => id)
const reaped = () => newestJournal(rig.temp.store.db, 100).filter(({ kind }) => kind === 'container.reaped')

/** A container with the labels and ports of another, or with those of an unknown engine. */
const copyOf = (id: string | null, change: Partial<ContainerSpec> = {}): ContainerSpec => {
  const original = rig.runtime.containers().find((each) => each.id === id)
  return {
    name: 'copy',
    image: IMAGE,
    env: {},
    labels: original?.labels ?? { [LABEL.key]: LABEL.value, 'acestream.http_port': '19500' },
    ports: original?.ports ?? [],
    publishAddress: '',
    network: null,
    memoryBytes: null,
    cpus: null,
    ...change,
  }
}

describe('a tool that makes an engine anew', () => {
  test.each([0, 50, 300, 3_000, 50_000])(
    'and starts its copy %i ms later keeps it: it is taken over under an id of its own',
    async (ms) => {
      await rig.start()
      const { container_id, container_name, host_http_port } = await provision()
      const spec = copyOf(container_id, { name: container_name })
      rig.runtime.removeOutside(container_id)
      await settled()
      const copy = rig.runtime.createOutside(spec)
      await rig.clock.advance(ms)
      rig.runtime.startOutside(copy)
      await settled()
      expect(await listed()).toEqual([copy])
      const engines = await all()
      expect(engines).toMatchObject([{ container_name, port: host_http_port }])
      const told = newestJournal(rig.temp.store.db, 100)
      const adopted = told.find(({ kind }) => kind === 'engine.adopted')?.engineId
      expect(adopted).toBeString()
      expect(spec.labels).not.toContainValue(adopted ?? '')
      await rig.clock.advance(61_000)
      expect(await listed()).toEqual([copy])
      expect(reaped()).toEqual([])
    },
  )

  test('and leaves the old one running under another name has two engines, each with its own name', async () => {
    await rig.start()
    const { container_id, container_name } = await provision()
    const ports = [{ containerPort: 19_900, hostPort: 19_900, protocol: 'tcp' as const }]
    rig.runtime.renameOutside(container_id, 'old')
    const copy = rig.runtime.createOutside(copyOf(container_id, { name: container_name, ports }))
    await rig.clock.advance(1_000)
    rig.runtime.startOutside(copy)
    await rig.json('POST', '/gc')
    const names = new Map((await all()).map((row) => [row.container_id, row.container_name]))
    expect(names).toEqual(
      new Map([
        [container_id, 'old'],
        [copy, container_name],
      ]),
    )
    expect(newestJournal(rig.temp.store.db, 100)).toContainEqual(
      expect.objectContaining({ kind: 'engine.renamed', detail: { from: container_name, to: 'old' } }),
    )
    // The name refers to the container that has it now.
    expect(await (await remove(container_name)).json()).toEqual({ deleted: copy })
    expect(await listed()).toEqual([container_id])
  })
})

test('a copy that is found before its original is known to be gone gets the port when that is', async () => {
  await rig.start()
  const { container_id, host_http_port } = await provision()
  const spec = copyOf(container_id)
  rig.runtime.deliverAfterMs = () => []
  rig.runtime.removeOutside(container_id)
  const copy = rig.runtime.createOutside(spec)
  rig.runtime.startOutside(copy)
  await rig.during(rig.request('POST', '/gc'))
  expect(await listed()).toEqual([copy])
  const [engine] = liveEngines(rig.temp.store.db)
  expect(leasesIn(rig.temp.store.db)).toEqual([
    { scope: 'host', port: host_http_port, kind: 'http', engineId: engine?.id ?? '' },
    { scope: 'host', port: 8_700, kind: 'p2p', engineId: engine?.id ?? '' },
  ])
})

describe('a container that nothing needs', () => {
  test.each([
    ['created and never started', 'created'],
    ['stopped, and no row knows it', 'exited'],
  ] as const)('is removed a minute after it was made and not before: %s', async (reason, state) => {
    await rig.start()
    const stray = rig.runtime.createOutside(copyOf(null))
    if (state === 'exited') {
      // No event tells of the time in which the container runs.
      rig.runtime.deliverAfterMs = () => []
      rig.runtime.startOutside(stray)
      rig.runtime.deliverAfterMs = () => [0]
      rig.runtime.kill(stray)
    }
    await rig.clock.advance(59_900)
    expect(ids()).toEqual([stray])
    await rig.clock.advance(100)
    expect(ids()).toEqual([])
    expect(reaped()).toMatchObject([{ detail: { container_id: stray, reason } }])
  })

  test('is removed a minute after it was made also when its label names an engine that is history', async () => {
    await rig.start()
    const { container_id } = await provision()
    const spec = copyOf(container_id)
    await remove(container_id)
    const stray = rig.runtime.createOutside(spec)
    await rig.clock.advance(59_900)
    expect(ids()).toEqual([stray])
    await rig.clock.advance(100)
    expect(reaped()).toMatchObject([{ detail: { container_id: stray, reason: 'its engine is history' } }])
  })

  test('is removed though it runs when its engine failed before it had a container', async () => {
    await rig.start()
    // Docker accepts the call and does not answer. Meanwhile the provision is found to be interrupted.
    rig.runtime.faults.next('create', { kind: 'lose_question' })
    await rig.provision()
    const [row] = newestJournal(rig.temp.store.db, 100).filter(({ kind }) => kind === 'provision.failed')
    const labels = { ...copyOf(null).labels, 'roundhouse.engine': row?.engineId ?? '' }
    const late = rig.runtime.createOutside(copyOf(null, { labels }))
    rig.runtime.startOutside(late)
    await rig.clock.advance(59_900)
    expect(ids()).toEqual([late])
    await rig.clock.advance(100)
    expect(ids()).toEqual([])
  })

  test('is waited for over a restart of ours', async () => {
    await rig.start()
    const stray = rig.runtime.createOutside(copyOf(null))
    await rig.clock.advance(30_000)
    await rig.restart()
    await rig.clock.advance(29_000)
    expect(ids()).toEqual([stray])
    await rig.clock.advance(2_000)
    expect(ids()).toEqual([])
  })

  test('is no longer waited for than a minute where the clock of Docker is ahead', async () => {
    await rig.dispose()
    const clock = new VirtualClock()
    const ahead = { now: () => clock.now() + HOUR_MS, sleep: clock.sleep.bind(clock) }
    const options = { label: LABEL, deadlinesMs: DEFAULT_DEADLINES_MS, images: [IMAGE], programOf: null }
    const runtime = new MemoryRuntime({ clock: ahead, ...options })
    rig = await new Rig({}, { clock, runtime }).start()
    const stray = rig.runtime.createOutside(copyOf(null))
    await rig.clock.advance(59_900)
    expect(ids()).toEqual([stray])
    await rig.clock.advance(100)
    expect(ids()).toEqual([])
  })

  test('is left when somebody starts it right before its removal, and is taken over', async () => {
    await rig.start()
    const stray = rig.runtime.createOutside(copyOf(null))
    const hang = rig.runtime.faults.hang('discard')
    await rig.clock.advance(60_000)
    await hang.reached
    rig.runtime.startOutside(stray)
    hang.release()
    await settled()
    expect(await listed()).toEqual([stray])
    expect(reaped()).toEqual([])
    expect(rig.logged.join()).not.toContain('failed')
  })

  test('is looked at once more before its removal', async () => {
    await rig.start()
    const stray = rig.runtime.createOutside(copyOf(null))
    await settled()
    // The container is started after the first look that finds it a minute old, and the event of its start arrives late.
    rig.runtime.deliverAfterMs = () => [10_000]
    let looks = 0
    let removals = 0
    rig.runtime.faults.decide = ({ verb, subject }) => {
      if (verb === 'inspect' && subject === stray && ++looks === 2) rig.runtime.startOutside(stray)
      if (verb === 'discard') removals++
      return null
    }
    await rig.clock.advance(60_000)
    expect([looks, removals]).toEqual([2, 0])
    expect(await listed()).toEqual([stray])
  })
})

test('a provision of ours that was cut off is settled at once, however new its container is', async () => {
  await rig.start()
  rig.runtime.faults.next('start', { kind: 'lose_question' })
  await rig.provision()
  expect(ids()).toEqual([])
  expect(await all()).toEqual([])
})
