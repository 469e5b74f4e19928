import { describe, expect, test } from 'bun:test'
import type { Candidate } from '../support/acexy-selection.ts'
import { decodeEngines } from '../support/acexy-wire.ts'
import { settled } from './sim-clock.ts'
import { World } from './world.ts'

/** A calm world with three engines, the engines as a proxy sees them, and what happens in it. */
class Fleet {
  readonly world = new World(1, null, (drawn) => ({ ...drawn, vpn: null }))

  async begin(): Promise<void> {
    const env = { ...this.world.scenario.env, GLUETUN_CONTAINER_NAME: '', PORT_RANGE_HOST: '29000-29199' }
    this.world.startServer({ ...env, MIN_REPLICAS: '3', MAX_REPLICAS: '3', AUTO_DELETE: 'false' })
    await this.pass(60_000)
  }

  async pass(ms: number): Promise<void> {
    const { clock, host } = this.world
    const untilMs = clock.now() + ms
    while (await clock.step(untilMs)) host.look()
  }

  /** The listed engines, without streams. Reading them is seen by the checks, as it is when a proxy reads. */
  async candidates(change: Partial<Candidate['engine']> = {}): Promise<Candidate[]> {
    const answer = await this.world.http.ask({ method: 'GET', path: '/engines' })
    const engines = decodeEngines(JSON.stringify(answer?.body)).toSorted((a, b) => (a.port < b.port ? -1 : 1))
    this.world.choices.saw(engines)
    return engines.map((engine, at) => ({
      engine: at === 0 ? engine : { ...engine, ...change },
      activeStreams: 0,
    }))
  }

  /** Sends a viewer to the first engine. Names the engine. */
  async send(
    name: string,
    candidates: readonly Candidate[] | null = null,
    content = `content of ${name}`,
  ): Promise<string> {
    const among = candidates ?? (await this.candidates())
    const id = among[0]?.engine.container_id ?? ''
    this.world.choices.chose({ name, content }, id, among)
    return id
  }

  async report(at: number): Promise<void> {
    const { books, http } = this.world
    const { host_http_port: port } = books.live()[at] ?? {}
    const url = `http://localhost:${port}/ace/stat/key/session`
    const body = {
      engine: { host: 'localhost', port },
      stream: { key_type: 'content_id', key: 'key' },
      session: { playback_session_id: `session ${at}`, stat_url: url, command_url: url, is_live: 1 },
    }
    const answer = http.ask({ method: 'POST', path: '/events/stream_started', body })
    // The event is committed in a task of its own.
    await settled()
    await this.pass(0)
    expect((await answer)?.status).toBe(200)
  }

  /** How often each thing was counted; each fault is a violation. */
  found(): Readonly<Record<string, number>> {
    const { coverage, violations, server } = this.world
    server.running?.life.die()
    const found = Object.entries(coverage.counts).filter(([what]) => what.startsWith('two viewers'))
    const faults = coverage.counts['two viewers on one engine: another was free'] ?? 0
    expect(violations).toHaveLength(faults)
    return Object.fromEntries(found.map(([what, n]) => [what.replace('two viewers on one engine: ', ''), n]))
  }
}

type Story = (fleet: Fleet) => Promise<unknown>

const after =
  (ms: number): Story =>
  (fleet) =>
    fleet.pass(ms)

const two = async (between: Story): Promise<Readonly<Record<string, number>>> => {
  const fleet = new Fleet()
  await fleet.begin()
  await fleet.send('one')
  await between(fleet)
  await fleet.send('two')
  return fleet.found()
}

const FAULT = { 'another was free': 1 }

describe('a second viewer on the same engine', () => {
  test.each<[string, Story, Readonly<Record<string, number>>]>([
    ['after 3 s is a fault', after(3_000), FAULT],
    ['after 24 s is a fault', after(24_000), FAULT],
    ['within 2 s is none', after(2_000), { 'within 2 s': 1 }],
    ['after 25 s is none', after(25_000), {}],
    [
      'is none when the first one got no stream',
      async (fleet) => {
        fleet.world.choices.failed('one')
        await fleet.pass(3_000)
      },
      {},
    ],
    [
      'is none in the next life of the orchestrator',
      async (fleet) => {
        const { server, scenario } = fleet.world
        server.running?.life.die()
        const env = { ...scenario.env, GLUETUN_CONTAINER_NAME: '', PORT_RANGE_HOST: '29000-29199' }
        fleet.world.startServer({ ...env, MIN_REPLICAS: '3', MAX_REPLICAS: '3', AUTO_DELETE: 'false' })
        await fleet.pass(5_000)
      },
      {},
    ],
    [
      'is none when the stream of the first one is reported',
      async (fleet) => {
        await fleet.report(0)
        await fleet.pass(3_000)
      },
      {},
    ],
    [
      'is a fault when the stream of another engine is reported',
      async (fleet) => {
        await fleet.report(1)
        await fleet.pass(3_000)
      },
      FAULT,
    ],
    [
      'is none when all others got a stream meanwhile',
      async (fleet) => {
        await fleet.report(1)
        await fleet.report(2)
        await fleet.pass(3_000)
      },
      { 'no other free': 1 },
    ],
    [
      'is none when the others were missing in a list meanwhile',
      async (fleet) => {
        const [first] = await fleet.candidates()
        fleet.world.choices.saw(first === undefined ? [] : [first.engine])
        await fleet.pass(3_000)
      },
      { 'no other free': 1 },
    ],
    [
      'is none when others were chosen meanwhile',
      async (fleet) => {
        const [, second, third] = await fleet.candidates()
        await fleet.send('three', second === undefined ? [] : [second])
        await fleet.send('four', third === undefined ? [] : [third])
        await fleet.pass(3_000)
      },
      { 'no other free': 1 },
    ],
    [
      'is not judged beside a POST without an answer',
      async (fleet) => {
        fleet.world.choices.unanswered()
        await fleet.pass(3_000)
      },
      { 'a POST unanswered': 1 },
    ],
  ])('%s', async (_, between, expected) => {
    expect(await two(between)).toEqual(expected)
  })

  test('of the same content is not judged', async () => {
    const fleet = new Fleet()
    await fleet.begin()
    await fleet.send('one', null, 'content')
    await fleet.pass(3_000)
    await fleet.send('two', null, 'content')
    expect(fleet.found()).toEqual({})
  })

  test('is none when the others are not healthy, and is one though the engine has the forwarded port', async () => {
    for (const [change, expected] of [
      [{ health_status: 'unknown' }, { 'no other free': 1 }],
      [{ forwarded: false }, FAULT],
    ] as const) {
      const fleet = new Fleet()
      await fleet.begin()
      await fleet.send('one')
      await fleet.pass(3_000)
      await fleet.send('two', await fleet.candidates(change))
      expect(fleet.found()).toEqual(expected)
    }
  })

  test('is a fault after a POST handed the engine out', async () => {
    const fleet = new Fleet()
    await fleet.begin()
    const [first] = await fleet.candidates()
    fleet.world.choices.granted('one', null, first?.engine.container_id ?? '', undefined)
    await fleet.pass(3_000)
    await fleet.send('two')
    expect(fleet.found()).toEqual(FAULT)
  })
})

test('an engine that a POST hands out while somebody is on the way to it, or watches', async () => {
  const fleet = new Fleet()
  await fleet.begin()
  const { trace, choices } = fleet.world
  const id = await fleet.send('one')
  await fleet.pass(1)
  const told = (): string[] => trace.tail().flatMap((line) => /choices +(.*)/.exec(line)?.[1] ?? [])
  choices.granted('two', null, id, 'key')
  expect(told()).toEqual([])
  choices.granted('two', null, id, undefined)
  expect(told()).toEqual([`${id.slice(0, 6)} is handed to two, and one is on the way to it`])
  await fleet.report(0)
  choices.granted('three', null, id, undefined)
  expect(told().at(-1)).toBe(`${id.slice(0, 6)} is handed to three with 1 streams`)
  fleet.world.server.running?.life.die()
})
