import { afterEach, describe, expect, test } from 'bun:test'
import type { HealthTarget } from '../../../src/control/health/health-source.ts'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { leasesIn } from '../../../src/store/leases.ts'
import { streamByRow } from '../../../src/store/streams.ts'
import { figures } from '../../support/builders.ts'
import { Hang } from '../../support/memory-faults.ts'
import { IMAGE, LABEL, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

interface Row {
  readonly container_id: string
  readonly container_name: string
  readonly port: number
  readonly status: string
  readonly listed: boolean
  readonly reason: string | null
}

let rig: Rig
afterEach(() => rig.dispose())

/** Starts with settings under which nothing takes long. */
const start = async (env: Record<string, string> = {}): Promise<void> => {
  rig = await new Rig({ DRAIN_HIDE_S: '5', ENGINE_GRACE_PERIOD_S: '10', ...env }).start()
}

const all = () => rig.json<Row[]>('GET', '/engines?status=all')
const names = async () => (await all()).map(({ container_name, status }) => `${container_name} ${status}`)
const streams = () => rig.json<{ status: string; end_reason: string | null }[]>('GET', '/streams')
const planned = () => rig.json<{ actions: { rule: string }[]; waits: string[] }>('GET', '/orchestrator/plan')
const failures = async () =>
  (await rig.json<{ circuit_breakers: { general: { failure_count: number } } }>('GET', '/health/status'))
    .circuit_breakers.general.failure_count
const running = () => rig.runtime.containers().filter(({ state }) => state === 'running')

/**
 * Lets time pass while every probed engine answers each second, except those at the ports in `hung`. Engines know none of
 * the sessions that they are asked about, unless the test answers for them.
 */
async function pass(seconds: number, hung: readonly number[] = [], speaks = true): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    for (const target of rig.health.targets) answer(target, hung, speaks)
    await settled()
  }
}

function answer(target: HealthTarget, hung: readonly number[], speaks: boolean): void {
  const { engineId, generation, addresses, sessions } = target
  const atMs = rig.clock.now()
  const ok = !addresses.some(({ port }) => hung.includes(port))
  rig.health.tell({ engineId, generation, ok, atMs, error: ok ? null : 'no answer' })
  for (const { streamRowId } of speaks ? sessions : []) {
    const isPlayed = streamByRow(rig.temp.store.db, streamRowId)?.status === 'started'
    const state = !ok ? 'silent' : isPlayed ? 'serves' : 'ended'
    const told = isPlayed && ok ? figures({ downloaded: atMs }) : null
    rig.health.tellSessions({ engineId, generation, streamRowId, state, figures: told, atMs })
  }
}

const play = (port: number, id?: string) => rig.play(port, id)
const leave = (id = 'key|session') =>
  rig.json('POST', '/events/stream_ended', { stream_id: id, reason: 'completed' })

describe('the wanted number', () => {
  test('is started from nothing, and not one more', async () => {
    await start({ MIN_REPLICAS: '3' })
    await pass(60)
    expect(await names()).toEqual(['acestream-1 ready', 'acestream-2 ready', 'acestream-3 ready'])
    expect(running()).toHaveLength(3)
    expect(await planned()).toMatchObject({ wanted: 3, serving: 3, actions: [] })
  })

  test('is held against what dies and what is removed', async () => {
    await start({ MIN_REPLICAS: '2', CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1' })
    await pass(2)
    const [first, second] = await all()
    rig.runtime.kill(first?.container_id ?? '')
    rig.runtime.removeOutside(second?.container_id ?? '')
    await pass(5)
    expect(await names()).toEqual(['acestream-3 ready', 'acestream-4 ready'])
    expect(leasesIn(rig.temp.store.db)).toHaveLength(4)
    // The engines had been ready, so their end says nothing about others.
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({
      provisioning: { circuit_breaker_state: 'closed' },
    })
  })

  test('is held where engines die before they are ready, and the breaker hears of those', async () => {
    await start({ MIN_REPLICAS: '1' })
    await rig.clock.advance(500)
    rig.runtime.kill(running()[0]?.id ?? '')
    await pass(5)
    expect(await names()).toEqual(['acestream-2 ready'])
    expect(newestJournal(rig.temp.store.db, 100).map(({ kind }) => kind)).toContain('engine.failed')
    // The second engine became ready, so the failure of the first is forgotten.
    expect(await failures()).toBe(0)
  })

  test.each([
    ['create', new RuntimeFailure('unreachable', 'no connection', { effect: 'none' })],
    ['create', new RuntimeFailure('image_missing', 'no image')],
    ['start', new RuntimeFailure('not_found', 'no network')],
  ] as const)('is not given up for what is no fault of engines: %s fails with %p', async (verb, failure) => {
    await start()
    for (let time = 0; time < 6; time++) rig.runtime.faults.next(verb, { kind: 'fail_before', failure })
    for (let time = 0; time < 6; time++) await rig.provision()
    expect(await failures()).toBe(0)
  })

  test.each([
    ['deleted', (id: string) => rig.during(rig.request('DELETE', `/containers/${id}`))],
    ['drained', (id: string) => rig.request('POST', `/engines/${id}/drain`)],
    ['used', (_: string, port: number) => play(port)],
    ['paused', (id: string) => rig.runtime.pause(id)],
  ])('is tried for with another engine when the trial is %s', async (_, takeAway) => {
    await start({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '5' })
    const failure = new RuntimeFailure('unrunnable', 'no')
    rig.runtime.faults.next('start', { kind: 'fail_before', failure })
    expect((await rig.provision()).status).toBe(500)
    await rig.clock.advance(5_000)
    const trial = (await (await rig.provision()).json()) as { container_id: string; host_http_port: number }
    expect((await rig.provision()).status).toBe(503)
    await takeAway(trial.container_id, trial.host_http_port)
    await settled()
    expect((await rig.provision()).status).toBe(200)
  })

  test('grows with viewers where spares are wanted', async () => {
    await start({ MIN_FREE_REPLICAS: '1', MAX_REPLICAS: '3' })
    await pass(2)
    for (const port of [19_000, 19_001, 19_002]) {
      await play(port, `key|${port}`)
      await pass(3)
    }
    expect(await names()).toEqual(['acestream-1 ready', 'acestream-2 ready', 'acestream-3 ready'])
  })

  const begun = () =>
    newestJournal(rig.temp.store.db, 1_000).filter(({ kind }) => kind === 'provision.started')

  test('is not tried for while the image is missing', async () => {
    rig = new Rig({ MIN_REPLICAS: '2' })
    rig.runtime.removeImage(IMAGE)
    await rig.start()
    await pass(60)
    expect(begun()).toEqual([])
    rig.runtime.addImage(IMAGE)
    await pass(5)
    expect(await names()).toHaveLength(2)
  })

  test('is not tried for again and again where Docker creates no container', async () => {
    rig = new Rig({ MIN_REPLICAS: '2' })
    const failure = new RuntimeFailure('refused', 'no space left')
    rig.runtime.faults.always('create', { kind: 'fail_before', failure })
    await rig.start()
    await pass(60)
    // Two are launched at first, then one at a time after 1, 2, 4, … seconds, each minus up to half by chance.
    expect(begun().length).toBeGreaterThan(5)
    expect(begun().length).toBeLessThan(10)
    rig.runtime.faults.always('create', null)
    await pass(60)
    expect(await names()).toHaveLength(2)
  })

  test('is not started into an open breaker, and a single engine is its trial', async () => {
    await start({
      MIN_REPLICAS: '3',
      STARTUP_TIMEOUT_S: '5',
      CIRCUIT_BREAKER_FAILURE_THRESHOLD: '3',
      CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '60',
    })
    await pass(8, [19_000, 19_001, 19_002])
    expect(await names()).toEqual([])
    expect((await planned()).waits).toEqual([expect.stringContaining('circuit breaker is open')])
    await pass(60)
    // One trial is launched. The others follow when it has shown that engines work again.
    expect((await names()).length).toBeGreaterThan(0)
    await pass(10)
    expect(await names()).toHaveLength(3)
    const started = newestJournal(rig.temp.store.db, 1_000)
      .filter(({ kind }) => kind === 'provision.started' || kind === 'breaker.closed')
      .map(({ kind }) => kind)
      .toReversed()
    expect(started.slice(3, 5)).toEqual(['provision.started', 'breaker.closed'])
  })
})

describe('Docker away', () => {
  test('freezes decisions, and nothing is lost', async () => {
    await start({ MIN_REPLICAS: '2' })
    await pass(2)
    const before = await all()
    rig.runtime.goDown()
    await pass(10)
    expect((await planned()).waits).toEqual([expect.stringContaining('Docker does not answer')])
    expect((await all()).map(({ status }) => status)).toEqual(before.map(({ status }) => status))
    rig.runtime.comeUp()
    await pass(3)
    expect(await planned()).toMatchObject({ waits: [], actions: [] })
    expect((await all()).map(({ container_id }) => container_id)).toEqual(
      before.map(({ container_id }) => container_id),
    )
  })

  test.each([true, false])(
    'and back with its containers stopped: they are started again (deaths told: %p)',
    async (told) => {
      await start({ MIN_REPLICAS: '2' })
      await pass(2)
      const before = (await all()).map(({ container_id }) => container_id)
      await play(19_000)
      rig.runtime.stopDaemon({ tellsDeaths: told })
      await pass(30)
      expect(running()).toEqual([])
      rig.runtime.comeUp({ restarts: 'none' })
      await pass(10)
      expect((await all()).map(({ container_id }) => container_id)).toEqual(before)
      expect(await names()).toEqual(['acestream-1 ready', 'acestream-2 ready'])
      expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'docker_outage' }])
    },
  )

  test('and a port taken meanwhile: the engine that needs it is replaced', async () => {
    await start({ MIN_REPLICAS: '1' })
    await pass(2)
    rig.runtime.stopDaemon({ tellsDeaths: false })
    rig.runtime.takePort(19_000)
    await pass(5)
    rig.runtime.comeUp({ restarts: 'none' })
    await pass(10)
    expect(await names()).toEqual(['acestream-2 ready'])
    expect(running()).toHaveLength(1)
  })

  test('a start that is refused by a daemon on its way out is no fault of the engine', async () => {
    await start()
    let isEnding = false
    rig.runtime.faults.decide = ({ verb }) => {
      isEnding ||= verb === 'start'
      const failure = new RuntimeFailure(verb === 'start' ? 'unrunnable' : 'unreachable', 'going')
      return isEnding && (verb === 'start' || verb === 'ping') ? { kind: 'fail_before', failure } : null
    }
    expect((await rig.provision()).status).toBe(503)
    expect(await rig.json('GET', '/health/status')).toMatchObject({
      circuit_breakers: { general: { failure_count: 0 } },
    })
  })

  test('a death that is told by a daemon on its way out ends nothing before it is back', async () => {
    await start({ MIN_REPLICAS: '1' })
    await pass(2)
    await play(19_000)
    const failure = new RuntimeFailure('unreachable', 'going')
    rig.runtime.faults.always('ping', { kind: 'fail_before', failure })
    const [engine] = await all()
    rig.runtime.kill(engine?.container_id ?? '')
    await pass(20)
    expect(await all()).toMatchObject([{ listed: false, reason: 'its container is not running' }])
    expect(await streams()).toMatchObject([{ status: 'started' }])
    rig.runtime.faults.clear()
    rig.runtime.breakEvents()
    await pass(5)
    expect(await names()).toEqual(['acestream-1 ready'])
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'docker_outage' }])
  })

  test('or silent about what happens: nothing is decided until everything was looked at', async () => {
    await start({ MIN_REPLICAS: '1' })
    await pass(2)
    const hang = rig.runtime.faults.hang('list')
    rig.runtime.breakEvents()
    await pass(2)
    expect((await planned()).waits).toEqual(['the containers are being looked at'])
    hang.release()
    await pass(2)
    expect((await planned()).waits).toEqual([])
  })

  test('makes /gc a 503 at once', async () => {
    await start()
    rig.runtime.goDown()
    await pass(3)
    expect((await rig.request('POST', '/gc')).status).toBe(503)
    rig.runtime.comeUp()
    await pass(5)
    expect(await rig.json('POST', '/gc')).toMatchObject({ status: 'ok', containers: 0 })
  })
})

describe('idle engines', () => {
  test('drain after the grace period, are hidden first, and go when nobody came', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    await pass(11)
    expect(await all()).toMatchObject([{ status: 'draining', listed: false, reason: 'it is draining' }])
    expect(running()).toHaveLength(1)
    expect(newestJournal(rig.temp.store.db, 1)).toMatchObject([
      { kind: 'engine.draining', detail: { cause: 'surplus', rule: 'idle_surplus' } },
    ])
    await pass(7)
    expect(await all()).toEqual([])
    expect(running()).toEqual([])
  })

  test('are hidden from the deed on, not from the plan, which may look some milliseconds before', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    const now = rig.clock.now.bind(rig.clock)
    let looks = 0
    rig.clock.now = () => now() + ++looks
    await pass(11)
    const [engine] = liveEngines(rig.temp.store.db)
    const entry = newestJournal(rig.temp.store.db, 100).find(({ kind }) => kind === 'engine.draining')
    expect(engine).toMatchObject({ status: 'draining', drainingSince: entry?.at ?? 0 })
  })

  test('are ready again when a stream comes while they drain', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    await pass(12)
    await play(19_000)
    await pass(30)
    expect(await all()).toMatchObject([{ status: 'ready', listed: true }])
    expect(liveEngines(rig.temp.store.db)).toMatchObject([
      { drainCause: null, drainingSince: null, reason: null },
    ])
    await leave()
    await pass(9)
    expect(await all()).toMatchObject([{ status: 'ready' }])
  })

  test('are kept while they serve a session that ended in the books', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    await pass(2)
    await play(19_000)
    await leave()
    await pass(12, [], false)
    expect(await all()).toMatchObject([{ status: 'draining' }])
    const record = rig.health.targets[0]?.sessions[0]?.streamRowId ?? 0
    for (let turn = 0; turn < 20; turn++) {
      await rig.say(record, 'serves', { downloaded: turn * 1_000 })
      await pass(2, [], false)
    }
    expect(running()).toHaveLength(1)
    await rig.say(record, 'ended')
    await pass(2)
    expect(running()).toEqual([])
  })
})

describe('an engine that was adopted without a row', () => {
  const runOutside = async (): Promise<string> => {
    const ports = [{ containerPort: 19_007, hostPort: 19_007, protocol: 'tcp' as const }]
    const id = await rig.runtime.create({
      name: 'acestream-7',
      image: IMAGE,
      env: {},
      labels: { [LABEL.key]: LABEL.value, 'acestream.http_port': '19007', 'host.http_port': '19007' },
      ports,
      publishAddress: '',
      network: null,
      memoryBytes: null,
      cpus: null,
    })
    await rig.runtime.start(id)
    return id
  }

  test('counts as busy until its network is quiet', async () => {
    await start({ AUTO_DELETE: 'true' })
    const id = await runOutside()
    for (let second = 0; second < 120; second++) {
      rig.runtime.addTraffic(id, 500_000)
      await pass(1)
    }
    expect(await planned()).toMatchObject({ busy: 1 })
    await pass(100)
    expect(await all()).toEqual([])
  })

  test('is not outdated for not saying how it was made', async () => {
    await start({ HEALTH_REPLACEMENT_COOLDOWN_S: '1' })
    await runOutside()
    await pass(200)
    expect(await names()).toEqual(['acestream-7 ready'])
  })
})

describe('engines of an earlier release, which made them in another way', () => {
  test('are renewed one at a time, a cooldown apart, and not while somebody watches', async () => {
    await start({ MIN_REPLICAS: '3', HEALTH_REPLACEMENT_COOLDOWN_S: '30' })
    await pass(3)
    await play(19_000)
    rig.temp.store.transact((tx) => {
      for (const { id } of liveEngines(tx)) updateEngine(tx, id, { configHash: 'of another release' })
    })
    await rig.restart()
    const outdated = () =>
      liveEngines(rig.temp.store.db).filter(({ configHash }) => configHash === 'of another release')
    const left: number[] = []
    for (let step = 0; step < 15; step++) {
      await pass(10)
      left.push(outdated().length)
      expect((await rig.json<Row[]>('GET', '/engines')).length).toBeGreaterThanOrEqual(3)
    }
    // Never two engines end in one step, and the engine with a viewer ends last.
    expect(left.every((count, at) => (left[at - 1] ?? 3) - count <= 1)).toBe(true)
    expect(outdated().map(({ name }) => name)).toEqual(['acestream-1'])
    expect(await streams()).toMatchObject([{ status: 'started' }])
    const replaced = newestJournal(rig.temp.store.db, 200).filter(({ kind }) => kind === 'engine.replacing')
    const [second = 0, first = 0] = replaced.map(({ at }) => at)
    expect(replaced).toHaveLength(2)
    expect(second - first).toBeGreaterThanOrEqual(30_000)
  })
})

describe('an operator', () => {
  test('scales up and down, also without AUTO_DELETE, and that outlives a restart', async () => {
    await start({ MIN_REPLICAS: '1', MAX_REPLICAS: '4' })
    expect(await rig.json('POST', '/scale/9')).toEqual({ scaled_to: 4, requested: 9 })
    await pass(3)
    expect(await names()).toHaveLength(4)
    await play(19_000)
    expect(await rig.json('POST', '/scale/0')).toEqual({ scaled_to: 0, requested: 0 })
    await rig.restart()
    await pass(20)
    expect(await names()).toEqual(['acestream-1 ready'])
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({ capacity: { min_replicas: 0 } })
    await rig.restart({ MIN_REPLICAS: '2' })
    await pass(3)
    expect(await names()).toHaveLength(2)
  })

  test.each(['-1', '1.5', 'many', '1000001', '%20'])('can’t scale to %s', async (demand) => {
    await start()
    const answer = await rig.request('POST', `/scale/${demand}`)
    expect(answer.status).toBe(422)
    expect(JSON.stringify(await answer.json())).toContain('params.demand: must be a whole number from 0')
  })

  test('drains a busy engine: hidden at once, removed when its stream has ended, replaced meanwhile', async () => {
    await start({ MIN_REPLICAS: '1' })
    await pass(2)
    await play(19_000)
    const [engine] = await all()
    const drain = () => rig.json<{ engine: Row }>('POST', `/engines/${engine?.container_id}/drain`)
    expect(await drain()).toMatchObject({ engine: { status: 'draining', listed: false } })
    expect(await drain()).toMatchObject({ engine: { status: 'draining' } })
    await pass(30)
    expect(await names()).toEqual(['acestream-1 draining', 'acestream-2 ready'])
    expect(await streams()).toMatchObject([{ status: 'started' }])
    await leave()
    await pass(10)
    expect(await names()).toEqual(['acestream-2 ready'])
  })

  test('can’t drain what is not there, or is only being provisioned', async () => {
    await start()
    expect((await rig.request('POST', '/engines/none/drain')).status).toBe(404)
    const hang = rig.runtime.faults.hang('start')
    const provision = rig.request('POST', '/provision/acestream')
    await hang.reached
    const answer = await rig.request('POST', '/engines/acestream-1/drain')
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, '2'])
    hang.release()
    await provision
  })
})

describe('an unhealthy engine', () => {
  const env = {
    MIN_REPLICAS: '1',
    HEALTH_FAILURE_THRESHOLD: '2',
    HEALTH_UNHEALTHY_GRACE_PERIOD_S: '10',
    HEALTH_REPLACEMENT_COOLDOWN_S: '20',
  }

  test('that is wanted has a successor before it goes', async () => {
    await start(env)
    await pass(2)
    await pass(2, [19_000])
    expect(await names()).toEqual(['acestream-1 ready', 'acestream-2 starting'])
    await pass(1, [19_000])
    expect(await names()).toEqual(['acestream-1 draining', 'acestream-2 ready'])
    await pass(10, [19_000])
    expect(await names()).toEqual(['acestream-2 ready'])
  })

  test('goes first at the cap', async () => {
    await start({ ...env, MAX_REPLICAS: '1' })
    await pass(2)
    await pass(3, [19_000])
    expect(await names()).toEqual(['acestream-1 draining'])
    await pass(10, [19_000])
    expect(await names()).toEqual(['acestream-2 ready'])
  })

  test('has its place taken at once by one that is well and just drains, also at the cap', async () => {
    await start({ ...env, MIN_REPLICAS: '4', MAX_REPLICAS: '6', DRAIN_HIDE_S: '30' })
    await rig.json('POST', '/scale/6')
    await pass(3)
    await rig.json('POST', '/scale/4')
    await pass(1)
    const drained = (await names()).filter((name) => name.endsWith('draining'))
    expect(drained.toSorted()).toEqual(['acestream-1 draining', 'acestream-2 draining'])
    await pass(3, [19_003])
    expect((await names()).toSorted()).toEqual([
      'acestream-1 ready',
      'acestream-2 draining',
      'acestream-3 ready',
      'acestream-4 draining',
      'acestream-5 ready',
      'acestream-6 ready',
    ])
    expect((await all()).filter(({ listed }) => listed)).toHaveLength(4)
    const rules = newestJournal(rig.temp.store.db, 2).map(({ kind, detail }) => [kind, detail?.rule])
    expect(rules).toEqual([
      ['engine.draining', 'surplus_unhealthy'],
      ['engine.recalled', 'stands_in'],
    ])
    // No engine is launched instead, and the number stays the same when the draining engines are gone.
    await pass(60, [19_003])
    expect((await names()).toSorted()).toEqual([1, 3, 5, 6].map((number) => `acestream-${number} ready`))
  })

  test('with a port of its own that another has by now is succeeded on another port', async () => {
    await start({ ...env, MAX_REPLICAS: '2', MIN_REPLICAS: '1' })
    await pass(2)
    await rig.provision({}, { host_port: 19_500 })
    await pass(2)
    await rig.json('POST', '/scale/2')
    await pass(3, [19_500])
    expect(await names()).toEqual(['acestream-1 ready', 'acestream-2 draining'])
    rig.runtime.takePort(19_500)
    await pass(40, [19_500])
    expect(await names()).toEqual(['acestream-1 ready', expect.stringMatching(/^acestream-\d+ ready$/)])
  })

  test('with a stream is given the grace period, and its stream ends with the engine', async () => {
    await start(env)
    await pass(2)
    await play(19_000)
    await pass(9, [19_000])
    expect(await names()).toEqual(['acestream-1 ready'])
    await pass(20, [19_000])
    expect(await names()).toEqual(['acestream-2 ready'])
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'engine_gone' }])
  })

  test('is kept for a viewer that no book names any more, while its bytes move', async () => {
    await start(env)
    await pass(2)
    await play(19_000, 'stands still')
    await play(19_000, 'is shared')
    await leave('is shared')
    for (let second = 0; second < 60; second++) {
      await pass(1, [19_000], false)
      // The newest session comes first. Its stream has ended.
      for (const [index, { streamRowId }] of (rig.health.targets[0]?.sessions ?? []).entries())
        await rig.say(streamRowId, 'serves', { downloaded: index === 0 ? second * 1_000 : 5 })
    }
    expect(await names()).toEqual(['acestream-1 ready'])
    await pass(40, [19_000])
    expect(await names()).toEqual(['acestream-2 ready'])
  })

  test('whose successors fail is let alone when their breaker opens', async () => {
    await start({
      ...env,
      STARTUP_TIMEOUT_S: '5',
      CIRCUIT_BREAKER_REPLACEMENT_THRESHOLD: '2',
      CIRCUIT_BREAKER_REPLACEMENT_TIMEOUT_S: '1000',
    })
    await pass(2)
    const hung = Array.from({ length: 50 }, (_, index) => 19_000 + index)
    await pass(120, hung)
    expect(await names()).toEqual(['acestream-1 ready'])
    expect(await rig.json('GET', '/health/status')).toMatchObject({
      circuit_breakers: { replacement: { state: 'open', failure_count: 2 }, general: { state: 'closed' } },
    })
  })
})

test('engines of another configuration are renewed one at a time, when nobody watches', async () => {
  await start({ MIN_REPLICAS: '2', HEALTH_REPLACEMENT_COOLDOWN_S: '10' })
  await pass(2)
  await play(19_000)
  await rig.restart({ ENGINE_ENV: 'NEW=yes' })
  await pass(60)
  expect(await names()).toEqual(['acestream-1 ready', 'acestream-3 ready'])
  await leave()
  await pass(60)
  expect(await names()).toEqual(['acestream-3 ready', 'acestream-4 ready'])
})

test.each(['refused', 'unanswered'] as const)(
  'a container whose removal is %s keeps nobody else from being looked at',
  async (how) => {
    rig = new Rig({ MIN_REPLICAS: '1' })
    const stray = await rig.runtime.create({
      name: 'stray',
      image: IMAGE,
      env: {},
      labels: { [LABEL.key]: LABEL.value, 'acestream.http_port': '1' },
      ports: [],
      publishAddress: '',
      network: null,
      memoryBytes: null,
      cpus: null,
    })
    const failure = new RuntimeFailure('refused', 'device or resource busy')
    const hang = new Hang()
    rig.runtime.faults.decide = ({ verb, subject }) => {
      if (verb !== 'discard' || subject !== stray) return null
      return how === 'refused' ? { kind: 'fail_before', failure } : { kind: 'hang', hang }
    }
    // A newer container would be left alone.
    await rig.clock.advance(60_000)
    await rig.start()
    // Waits until the deadline of the removal has passed.
    await pass(how === 'refused' ? 5 : 35)
    expect((await rig.request('GET', '/readyz')).status).toBe(200)
    expect(await names()).toEqual(['acestream-1 ready'])
    expect(rig.logged.join()).not.toContain('Docker not reachable')
    rig.runtime.faults.clear()
    hang.release()
    await pass(40)
    expect(rig.runtime.containers().map(({ name }) => name)).toEqual(['acestream-1'])
  },
)

test('an engine that died does not count while it is being removed, and no other drains for it', async () => {
  await start({ MIN_REPLICAS: '2', AUTO_DELETE: 'true' })
  await pass(12)
  const hang = rig.runtime.faults.hang('discard')
  rig.runtime.kill((await all())[0]?.container_id ?? '')
  await pass(3)
  await hang.reached
  await pass(3)
  expect((await names()).toSorted()).toEqual(['acestream-1 ready', 'acestream-2 ready', 'acestream-3 ready'])
  expect(await planned()).toMatchObject({ serving: 2, actions: [] })
  hang.release()
  await pass(3)
  expect(await names()).toEqual(['acestream-2 ready', 'acestream-3 ready'])
})

test('an engine that died and that somebody starts again right before its removal lives on', async () => {
  await start({ MIN_REPLICAS: '1' })
  await pass(2)
  const [engine] = await all()
  const hang = rig.runtime.faults.hang('discard')
  rig.runtime.kill(engine?.container_id ?? '')
  await pass(3)
  await hang.reached
  rig.runtime.startOutside(engine?.container_id ?? '')
  hang.release()
  await pass(5)
  expect(await names()).toContain('acestream-1 ready')
})

test('a container that Docker refuses to remove is tried for again with growing waits', async () => {
  await start({ MIN_REPLICAS: '1' })
  await pass(2)
  const failure = new RuntimeFailure('refused', 'device or resource busy')
  let tries = 0
  rig.runtime.faults.decide = ({ verb }) => {
    if (verb !== 'discard') return null
    tries++
    return { kind: 'fail_before', failure }
  }
  rig.runtime.kill((await all())[0]?.container_id ?? '')
  await pass(60)
  expect(tries).toBeGreaterThan(3)
  expect(tries).toBeLessThan(12)
  rig.runtime.faults.clear()
  await pass(40)
  expect(await names()).toEqual(['acestream-2 ready'])
  expect(running()).toHaveLength(1)
})
