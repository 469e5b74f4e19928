import { describe, expect, test } from 'bun:test'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { until } from '../support/docker.ts'
import { freePort } from '../support/ports.ts'
import { failureOf, follow, published } from '../support/runtime-contract.ts'
import { swarmBench } from '../support/swarm-subject.ts'
import { PROGRAMS } from '../support/tiny-image.ts'

const bench = swarmBench(2)

const PLENTY = { lines: 100, bytes: 10_000 }

const manager = () => bench.subject.swarm.manager
const worker = () => bench.subject.swarm.host(1)
const isWorkerUp = async () => (await bench.runtime.hosts?.list())?.find(({ id }) => id === worker().id)?.isUp

describe('a swarm of two hosts, seen through its manager', () => {
  test('shows what runs on the other host, its log and its end', async () => {
    const followed = await follow(bench.runtime)
    const spec = bench.spec({ command: PROGRAMS.announce, ...published(freePort()) })
    const id = await bench.started(spec)
    const { name, address } = worker()
    expect(await bench.runtime.inspect(id)).toMatchObject({ state: 'running', host: { name, address } })
    expect(await worker().client.listContainers()).toHaveLength(1)
    expect(await manager().client.listContainers()).toHaveLength(0)
    const lines = await until('both lines are written', async () => {
      const written = (await bench.runtime.logs(id, PLENTY)).split('\n').slice(0, -1)
      return written.length === 2 && written
    })
    expect(lines.toSorted()).toEqual(['err', 'out'])
    const [row] = await worker().client.listContainers()
    await worker()
      .client.getContainer(row?.Id ?? '')
      .kill()
    await until('its end and its next start are told', () => followed.actions(id).length >= 4)
    expect(followed.actions(id).slice(0, 4)).toEqual(['create', 'start', 'die', 'start'])
    expect((await bench.runtime.inspect(id)).restarts).toBe(1)
    followed.stop()
    await followed.ended
  })

  test('gives each host its ports, whatever the other one has', async () => {
    const port = freePort()
    const one = bench.spec(published(port))
    await bench.started(one)
    await bench.started(bench.spec({ ...published(port), host: manager().id }))
    const id = await bench.runtime.create(bench.spec({ ...one, name: `${one.name}-2` }))
    await failureOf('port_taken', bench.runtime.start(id))
  })

  test('keeps what it last knew of a lost host, and brings its containers back with it', async () => {
    const before = bench.spec({ command: PROGRAMS.announce })
    const id = await bench.started(before)
    const gone = await bench.started(bench.spec())
    const { startedAtMs } = await bench.runtime.inspect(id)
    await worker().kill()
    try {
      await until('the host is lost', async () => (await isWorkerUp()) === false)
      expect(await bench.runtime.inspect(id)).toMatchObject({ state: 'running', host: { id: worker().id } })
      await failureOf('unreachable', bench.runtime.logs(id, PLENTY))
      const other = await bench.runtime.create(bench.spec())
      await failureOf('no_host', bench.runtime.start(other))
      // Nobody waits for what a lost host would have to do.
      await bench.runtime.destroy(gone)
      await failureOf('not_found', bench.runtime.inspect(gone))
    } finally {
      await worker().start()
    }
    await until('the container runs again', async () => {
      const seen = await bench.runtime.inspect(id)
      expect(['running', 'restarting']).toContain(seen.state)
      return (seen.startedAtMs ?? 0) > (startedAtMs ?? 0)
    })
    await until('what was removed meanwhile has ended', async () => {
      const running = await worker().client.listContainers()
      return running.length === 1
    })
  }, 60_000)

  test('is unreachable while its manager is frozen, and as before afterwards', async () => {
    const id = await bench.started(bench.spec())
    const hasty = bench.subject.withDeadlines({
      ...DEFAULT_DEADLINES_MS,
      ping: 500,
      list: 500,
      subscribe: 500,
    })
    const followed = await follow(hasty)
    await manager().freeze()
    try {
      const calls = [hasty.ping(), hasty.list(), Promise.resolve(hasty.hosts?.list())]
      const failures = await Promise.all(calls.map((call) => failureOf('unreachable', call)))
      expect(failures.map(({ effect }) => effect)).toEqual(['unknown', 'unknown', 'unknown'])
      await failureOf('unreachable', followed.ended)
    } finally {
      await manager().thaw()
    }
    // It may take its other host for lost until that one tells it of itself, which refuses no start.
    await bench.started(bench.spec())
    expect((await bench.runtime.inspect(id)).state).toBe('running')
    await until('the other host is back', async () => (await isWorkerUp()) === true)
  })

  test('comes back with its manager, and nothing that ran elsewhere has ended', async () => {
    const id = await bench.started(bench.spec())
    const { startedAtMs } = await bench.runtime.inspect(id)
    await manager().kill()
    const failure = await failureOf('unreachable', bench.runtime.ping())
    expect(failure.effect).toBe('none')
    await manager().start()
    await until('the swarm has a leader', () => bench.runtime.ping().then(...OUTCOME))
    await until('the other host is back', async () => (await isWorkerUp()) === true)
    expect(await bench.runtime.inspect(id)).toMatchObject({ state: 'running', startedAtMs })
  }, 60_000)
})

const OUTCOME = [() => true, () => false] as const
