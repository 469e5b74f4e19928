import { afterEach, describe, expect, test } from 'bun:test'
import { templateHash } from '../../../src/control/engines/template.ts'
import { type ContainerSpec, RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { setInstallationId, setTakeOver, takeOver } from '../../../src/store/installation.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { template } from '../../support/builders.ts'
import { IMAGE, LABEL, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* Several installations with one label on one container engine. Each changes only its own containers. */

interface Listed {
  readonly container_id: string
  readonly container_name: string
  readonly status: string
}

interface Told {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

const OTHER = 'an-installation-of-others'

const rigs: Rig[] = []
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.dispose()
})

/** Creates a rig without starting it, on the container engine of `host` if given. None of its engines ever answers. */
function rigOn(host?: Rig, change: Readonly<Record<string, string>> = {}): Rig {
  const env = { STARTUP_TIMEOUT_S: '100000', ...change }
  const rig = host === undefined ? new Rig(env) : new Rig(env, host)
  rigs.push(rig)
  return rig
}

const all = (rig: Rig) => rig.json<Listed[]>('GET', '/engines?status=all')
const engineIds = async (rig: Rig) => (await all(rig)).map(({ container_id }) => container_id)
const provision = async (rig: Rig) =>
  (await rig.provision()).json() as Promise<{ container_id: string; container_name: string }>
const told = async (rig: Rig) =>
  (await rig.json<{ warnings: Told[] }>('GET', '/orchestrator/status')).warnings.filter(
    ({ code }) => code === 'other_installation',
  )
const states = (rig: Rig) => new Map(rig.runtime.containers().map(({ id, state }) => [id, state]))
const entries = (rig: Rig, kind: string) =>
  newestJournal(rig.temp.store.db, 100).filter((entry) => entry.kind === kind)

let ports = 19_500
/** Creates an engine of another installation with the same label. */
function othersEngine(rig: Rig, state: 'created' | 'running' | 'exited' = 'running', id = OTHER): string {
  const port = ++ports
  const spec: ContainerSpec = {
    name: `others-${port}`,
    image: IMAGE,
    env: {},
    labels: {
      [LABEL.key]: LABEL.value,
      'roundhouse.installation': id,
      'roundhouse.engine': `engine-${port}`,
      'acestream.http_port': String(port),
    },
    ports: [{ containerPort: port, hostPort: port, protocol: 'tcp' }],
    publishAddress: '',
    network: null,
    memoryBytes: null,
    cpus: null,
  }
  const container = rig.runtime.createOutside(spec)
  if (state !== 'created') rig.runtime.startOutside(container)
  if (state === 'exited') rig.runtime.kill(container)
  return container
}

test('every container carries the id of its installation, which a restart keeps', async () => {
  const rig = await rigOn().start()
  await provision(rig)
  await rig.restart()
  await provision(rig)
  await rig.json('POST', '/provision', { name_prefix: 'web' })
  const ids = rig.runtime.containers().map(({ labels }) => labels['roundhouse.installation'])
  expect(ids).toHaveLength(3)
  expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/)
  expect(new Set(ids).size).toBe(1)
})

test('a request can’t say whose its container is', async () => {
  const rig = await rigOn().start()
  const labels = { 'roundhouse.installation': OTHER }
  for (const path of ['/provision/acestream', '/provision'])
    expect((await rig.request('POST', path, { labels })).status).toBe(422)
})

test('the id of an installation makes no engine outdated', () => {
  const hashOf = (installation: string): string => templateHash({ ...template, installation }, IMAGE)
  expect(hashOf('one')).toBe(hashOf('two'))
  // A change of this hash recreates every engine of every user. The present value dates from when engines got recipes, an
  // init, no health check and a peer-to-peer port.
  expect(hashOf('one')).toBe('6b26ccaf69a9cb043017c63eb449f75d')
})

describe('two installations', () => {
  test('leave each other’s engines alone, whatever becomes of them', async () => {
    const one = await rigOn().start()
    const two = await rigOn(one, { MONITOR_INTERVAL_S: '5' }).start()
    const engines = [await provision(one), await provision(one), await provision(one)].map(
      ({ container_id }) => container_id,
    )
    await one.clock.advance(200_000)
    expect(await engineIds(two)).toEqual([])
    const mine = await provision(two)
    expect((await engineIds(one)).toSorted()).toEqual(engines.toSorted())
    expect(await engineIds(two)).toEqual([mine.container_id])
    expect([...states(one).keys()].toSorted()).toEqual([...engines, mine.container_id].toSorted())
  })

  test('show and remove each its own only: those of the other are not there', async () => {
    const one = await rigOn().start()
    const two = await rigOn(one).start()
    const { container_id, container_name } = await provision(one)
    const web = await one.json<{ container_id: string }>('POST', '/provision', { name_prefix: 'web' })
    for (const id of [container_id, container_id.slice(0, 12), container_name, web.container_id]) {
      expect((await two.request('GET', `/containers/${id}`)).status).toBe(404)
      const answer = await two.request('DELETE', `/containers/${id}`)
      expect([answer.status, await answer.json()]).toMatchObject([404, { detail: 'container not found' }])
      expect((await one.request('GET', `/containers/${id}`)).status).toBe(200)
    }
    const path = `/by-label?key=${LABEL.key}&value=${encodeURIComponent(LABEL.value)}`
    expect(await two.json('GET', path)).toEqual([])
    expect(await one.json<unknown[]>('GET', path)).toHaveLength(2)
    expect(states(one).size).toBe(2)
  })
})

describe('what carries the id of another installation', () => {
  test.each(['created', 'running', 'exited'] as const)('is never touched: %s', async (state) => {
    const rig = await rigOn().start()
    const id = othersEngine(rig, state)
    await rig.clock.advance(300_000)
    await rig.restart()
    await rig.clock.advance(100_000)
    expect(states(rig)).toEqual(new Map([[id, state]]))
    expect(await all(rig)).toEqual([])
  })

  test('is told while it is there, with names, ids and what to do; one line begins it and one ends it', async () => {
    const rig = await rigOn().start()
    expect(await told(rig)).toEqual([])
    const engines = [othersEngine(rig), othersEngine(rig, 'created'), othersEngine(rig, 'exited', 'a third')]
    await rig.clock.advance(20_000)
    const [warning] = await told(rig)
    expect(warning?.message).toStartWith('3 containers of another installation with our CONTAINER_LABEL')
    for (const { name } of rig.runtime.containers()) expect(warning?.message).toContain(name)
    expect(warning?.message).toContain(`(${OTHER}, a third)`)
    expect(warning?.remedy).toContain('CONTAINER_LABEL')
    for (const id of engines) rig.runtime.removeOutside(id)
    await rig.clock.advance(20_000)
    expect(await told(rig)).toEqual([])
    expect(rig.logged.filter((line) => line.includes('of another installation'))).toHaveLength(2)
  })

  test('is told in bounded words, whatever it is named and however many there are', async () => {
    const rig = await rigOn().start()
    for (let n = 0; n < 40; n++) othersEngine(rig, 'created', `${n}:`.repeat(10_000))
    await rig.clock.advance(20_000)
    const [warning] = await told(rig)
    expect(warning?.message).toMatch(/^40 containers .* and 35 more \(.* and 35 more\)$/)
    expect(warning?.message.length).toBeLessThan(500)
  })
})

describe('a new database', () => {
  test('takes over what runs, of several installations, with one line; the rest it leaves and tells', async () => {
    const rig = rigOn()
    const running = [othersEngine(rig), othersEngine(rig, 'running', 'a third')]
    const still = [othersEngine(rig, 'created'), othersEngine(rig, 'exited')]
    const before = states(rig)
    await rig.start()
    expect((await engineIds(rig)).toSorted()).toEqual(running.toSorted())
    const lines = rig.logged.filter((line) => line.includes('takes over'))
    expect(lines).toHaveLength(1)
    for (const word of ['2 engines', OTHER, 'a third', 'CONTAINER_LABEL', 'TAKE_OVER=never'])
      expect(lines[0]).toContain(word)
    expect(entries(rig, 'fleet.taken_over')).toMatchObject([
      { detail: { installations: `${OTHER}, a third`, engines: 2 } },
    ])
    expect(entries(rig, 'engine.adopted').map(({ detail }) => detail.installation)).toEqual([
      'a third',
      OTHER,
    ])
    expect((await told(rig))[0]?.message).toStartWith('2 containers')
    await rig.clock.advance(100_000)
    for (const id of still) expect(states(rig).get(id)).toBe(before.get(id) ?? 'exited')
  })

  test('leaves alone what appears under another id afterwards, and what it left before', async () => {
    const rig = rigOn()
    const still = othersEngine(rig, 'exited')
    const running = othersEngine(rig)
    await rig.start()
    rig.runtime.startOutside(still)
    const later = othersEngine(rig)
    await rig.clock.advance(100_000)
    expect(await engineIds(rig)).toEqual([running])
    await rig.restart()
    expect(await engineIds(rig)).toEqual([running])
    expect(states(rig).get(later)).toBe('running')
    expect(states(rig).get(still)).toBe('running')
  })

  test('owns what it took over: it shows it and removes it', async () => {
    const rig = rigOn()
    const id = othersEngine(rig)
    await rig.start()
    expect(await told(rig)).toEqual([])
    expect((await rig.request('GET', `/containers/${id}`)).status).toBe(200)
    expect(
      await rig.json<unknown[]>('GET', `/by-label?key=roundhouse.installation&value=${OTHER}`),
    ).toHaveLength(1)
    expect((await rig.during(rig.request('DELETE', `/containers/${id}`))).status).toBe(200)
    expect(states(rig).size).toBe(0)
  })

  test('takes over what ran when it first saw it, also after an outage of Docker and a restart in between', async () => {
    const rig = rigOn()
    const id = othersEngine(rig)
    rig.runtime.goDown()
    await rig.start()
    await rig.clock.advance(60_000)
    await rig.restart()
    await rig.clock.advance(60_000)
    rig.runtime.comeUp()
    await rig.clock.advance(10_000)
    expect(await engineIds(rig)).toEqual([id])
    expect(entries(rig, 'fleet.taken_over')).toHaveLength(1)
  })

  test('takes over also what it could not look at at first, and by then nothing that came later', async () => {
    const rig = rigOn()
    const ids = [othersEngine(rig), othersEngine(rig)]
    const failure = new RuntimeFailure('refused', 'not now')
    rig.runtime.faults.decide = ({ verb, subject }) =>
      verb === 'inspect' && subject === ids[1] ? { kind: 'fail_before', failure } : null
    await rig.start()
    expect(await engineIds(rig)).toEqual([ids[0] ?? ''])
    const later = othersEngine(rig)
    await rig.restart()
    await rig.clock.advance(15_000)
    expect(await engineIds(rig)).toEqual([ids[0] ?? ''])
    rig.runtime.faults.clear()
    await rig.clock.advance(15_000)
    expect((await engineIds(rig)).toSorted()).toEqual(ids.toSorted())
    expect(states(rig).get(later)).toBe('running')
    await rig.clock.advance(15_000)
    expect(takeOver(rig.temp.store.db)).toEqual([])
  })

  test.each([
    ['before anything was listed', 'unseen'],
    ['between the list and the first engine', null],
  ] as const)('takes over all after a crash %s', async (_, left) => {
    const rig = rigOn()
    const ids = [othersEngine(rig), othersEngine(rig)]
    const later = othersEngine(rig, 'created')
    // The state that a crash leaves at this point.
    rig.temp.store.transact((tx) => {
      setInstallationId(tx, 'ours')
      setTakeOver(tx, left ?? ids)
    })
    if (left === null) rig.runtime.startOutside(later)
    await rig.restart()
    expect((await engineIds(rig)).toSorted()).toEqual(ids.toSorted())
  })

  test('takes over nothing with TAKE_OVER=never, not even what it was about to', async () => {
    const rig = rigOn(undefined, { TAKE_OVER: 'never' })
    const id = othersEngine(rig)
    await rig.start()
    expect(await all(rig)).toEqual([])
    expect(await told(rig)).toHaveLength(1)
    await rig.restart({ TAKE_OVER: 'auto' })
    expect(await all(rig)).toEqual([])
    rig.temp.store.transact((tx) => setTakeOver(tx, 'unseen'))
    await rig.restart()
    await rig.restart({ TAKE_OVER: 'auto' })
    expect(await all(rig)).toEqual([])
    expect(states(rig).get(id)).toBe('running')
  })

  test('that has had an engine is not new, though its id is', async () => {
    const rig = await rigOn().start()
    const { container_id } = await provision(rig)
    await rig.during(rig.request('DELETE', `/containers/${container_id}`))
    // Makes the database one from before there were installation ids, with its engines deleted.
    rig.temp.store.transact((tx) => {
      tx.run(`DELETE FROM settings WHERE key = 'installation_id'`)
      tx.run('DELETE FROM engines')
    })
    othersEngine(rig)
    await rig.restart()
    expect(await all(rig)).toEqual([])
  })
})

test('what carries no id is taken over at any time, as before', async () => {
  const rig = await rigOn().start()
  const id = othersEngine(rig, 'running', '')
  await settled()
  expect(await engineIds(rig)).toEqual([id])
  expect(await told(rig)).toEqual([])
})
