import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { agreement } from '../support/consistency.ts'
import { staysFor, until } from '../support/docker.ts'
import {
  mustProvision,
  openTestSite,
  type ProvisionOutcome,
  provision,
  type TestSite,
} from '../support/fleet.ts'
import {
  Census,
  emulatorOf,
  engineOf,
  entryOf,
  type FleetRow,
  fleetOf,
  idsOf,
  journalOf,
  planOf,
  reportEnded,
  scale,
  startViewing,
  streamOf,
  untilReady,
  untilRemoved,
} from '../support/lifecycle.ts'
import { provisionAtOnce } from '../support/scenarios.ts'
import type { TestServer } from '../support/server.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(60_000)

/** A session ends soon after its viewer has left. By default that takes a minute. */
const SESSION_IDLE = 'SESSION_IDLE_MS=1000'

/**
 * Short settings for everything that waits for time to pass, and no periodic pass that could find what events have to
 * report.
 */
const QUICK = {
  ENGINE_ENV: SESSION_IDLE,
  DRAIN_HIDE_S: '1',
  ENGINE_GRACE_PERIOD_S: '1',
  COLLECT_INTERVAL_S: '0.5',
  MONITOR_INTERVAL_S: '600',
}
/** An engine becomes unhealthy after some three seconds of silence, and there is no pause between two replacements. */
const PROBED = {
  ...QUICK,
  HEALTH_CHECK_INTERVAL_S: '1',
  HEALTH_FAILURE_THRESHOLD: '2',
  HEALTH_REPLACEMENT_COOLDOWN_S: '0.1',
}

let site: TestSite

beforeAll(async () => {
  site = await openTestSite()
}, 120_000)
afterAll(() => site?.cleanUp())

async function started(env: Readonly<Record<string, string>>): Promise<TestServer> {
  const server = site.server(env)
  await server.start()
  return server
}

/** The element at `index`. Throws if there is none. */
function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new Error(`no element ${index} of ${items.length}`)
  return item
}

const without = (rows: readonly FleetRow[], row: FleetRow): FleetRow[] =>
  rows.filter(({ container_id }) => container_id !== row.container_id)

const isRunning = async (containerId: string): Promise<boolean> =>
  (await site.docker.client.getContainer(containerId).inspect()).State.Running

/**
 * Waits until the fleet has its full number again without `lost`, and checks that the other engines are the same as before.
 */
async function expectReplaced(server: TestServer, before: readonly FleetRow[], lost: FleetRow) {
  const after = await until('another engine is in its place', async () => {
    const rows = await fleetOf(server)
    const isSettled = rows.every(({ status, listed }) => status === 'ready' && listed)
    const isGone = !idsOf(rows).includes(lost.container_id)
    return rows.length === before.length && isSettled && isGone && rows
  })
  expect(idsOf(after)).toEqual(expect.arrayContaining(idsOf(without(before, lost))))
  await untilRemoved(site.docker, lost.container_id)
  await agreement(server, site.docker, idsOf(after))
}

describe('a fleet of MIN_REPLICAS', () => {
  const SIZE = 5
  let server: TestServer
  let census: Census

  beforeAll(async () => {
    server = site.server({ ...QUICK, MIN_REPLICAS: String(SIZE) })
    census = new Census(site.docker)
    await server.start({}, '/healthz')
  }, 30_000)
  afterAll(async () => {
    await census.result()
    await site.cleanUp()
  }, 30_000)

  test('comes up from nothing, and never has one engine more', async () => {
    const rows = await untilReady(server, SIZE)
    await staysFor(
      3_000,
      'the same engines',
      async () => idsOf(await fleetOf(server)).join() === idsOf(rows).join(),
    )
    const { most, looks } = await census.result()
    expect(most).toBe(SIZE)
    expect(looks).toBeGreaterThan(50)
    expect(await planOf(server)).toMatchObject({
      wanted: SIZE,
      serving: SIZE,
      busy: 0,
      actions: [],
      waits: [],
    })
    await agreement(server, site.docker, idsOf(rows))
  })

  test('replaces an idle engine that was killed, and leaves the others alone', async () => {
    const before = await untilReady(server, SIZE)
    const lost = at(before, 1)
    await site.docker.client.getContainer(lost.container_id).kill()
    await expectReplaced(server, before, lost)
    expect(entryOf(server, 'engine.failed', lost.container_id).detail.rule).toBe('exited')
  })

  test('replaces a busy engine that was killed, and ends its stream with the reason', async () => {
    const before = await untilReady(server, SIZE)
    const lost = at(before, 0)
    const other = at(before, 1)
    await startViewing(server, lost, 'lost')
    const kept = await startViewing(server, other, 'kept')
    await site.docker.client.getContainer(lost.container_id).kill()
    await expectReplaced(server, before, lost)
    expect(await streamOf(server, 'lost')).toMatchObject({ status: 'ended', end_reason: 'engine_stopped' })
    expect(await streamOf(server, 'kept')).toMatchObject({ status: 'started' })
    await reportEnded(server, 'kept')
    kept.leave()
  })

  test('replaces an engine whose container was removed', async () => {
    const before = await untilReady(server, SIZE)
    const lost = at(before, 2)
    await site.docker.client.getContainer(lost.container_id).remove({ force: true })
    await expectReplaced(server, before, lost)
  })

  test('says at /gc what a full pass found', async () => {
    await untilReady(server, SIZE)
    const response = await server.post('/gc')
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      status: 'ok',
      containers: SIZE,
      adopted: 0,
      reaped: 0,
      finished: 0,
      undone: 0,
      gone: 0,
    })
  })

  test('hides a busy engine that an operator drains at once, and removes it when its stream has ended', async () => {
    const before = await untilReady(server, SIZE)
    const drained = at(before, 3)
    const { container_id } = drained
    const viewer = await startViewing(server, drained, 'watched')
    const drain = (id: string) => server.post(`/engines/${id}/drain`)
    expect((await drain('no-such-engine')).status).toBe(404)

    const answer = await drain(container_id)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ engine: { container_id, status: 'draining', listed: false } })
    const listed = await server.get<FleetRow[]>('/engines')
    expect(idsOf(listed)).not.toContain(container_id)
    // Another name of the container means the same engine, and draining it again changes nothing.
    expect((await drain(drained.container_name)).status).toBe(200)
    const told = journalOf(server).filter(
      (row) => row.kind === 'engine.draining' && row.container_id === container_id,
    )
    expect(told).toHaveLength(1)

    // Longer than DRAIN_HIDE_S, after which an engine without a stream would be removed.
    await staysFor(2_500, 'it drains and runs', async () => {
      expect(await engineOf(server, container_id)).toMatchObject({ status: 'draining', listed: false })
      return isRunning(container_id)
    })
    expect(await streamOf(server, 'watched')).toMatchObject({ status: 'started' })
    await reportEnded(server, 'watched')
    viewer.leave()
    await expectReplaced(server, before, drained)
    expect(await streamOf(server, 'watched')).toMatchObject({ end_reason: 'eof' })
  })
})

describe('the number of engines', () => {
  afterEach(() => site.cleanUp())

  test('stays within MAX_REPLICAS when calls race with the reconciler', async () => {
    const server = site.server({ ...QUICK, MIN_REPLICAS: '3', MAX_REPLICAS: '4' })
    const census = new Census(site.docker)
    await server.start({}, '/healthz')
    const { outcomes } = await provisionAtOnce(server, 6)
    const isGiven = (outcome: ProvisionOutcome) => outcome.kind === 'engine'
    const others = outcomes.filter((outcome) => !isGiven(outcome))
    expect(others.every((outcome) => outcome.kind === 'refused')).toBe(true)
    expect(
      others
        .flatMap((outcome) => ('code' in outcome ? outcome.code : []))
        .filter((code) => !isExpected(code)),
    ).toEqual([])
    const rows = await until('nothing is under way', async () => {
      const all = await fleetOf(server)
      return all.length >= 3 && all.every(({ status, listed }) => status === 'ready' && listed) && all
    })
    expect(rows.length).toBeLessThanOrEqual(4)
    await agreement(server, site.docker, idsOf(rows))
    expect((await census.result()).most).toBeLessThanOrEqual(4)
  })

  test('falls by AUTO_DELETE: idle engines are hidden for a while and removed, used ones are kept', async () => {
    // Long enough that the first idle engine is still hidden when the second one begins to drain, on a busy machine too.
    const server = await started({ ...QUICK, DRAIN_HIDE_S: '6', AUTO_DELETE: 'true', MIN_REPLICAS: '1' })
    const busy = await mustProvision(server)
    await until(
      'the first is ready',
      async () => (await engineOf(server, busy.container_id))?.status === 'ready',
    )
    const viewer = await startViewing(server, { ...busy, port: busy.host_http_port }, 'busy')
    const [idle, other] = [await mustProvision(server), await mustProvision(server)]
    const drains = async (id: string) => (await engineOf(server, id))?.status === 'draining'
    await until('both idle ones drain', async () =>
      (await Promise.all([idle.container_id, other.container_id].map(drains))).every(Boolean),
    )
    expect(await engineOf(server, idle.container_id)).toMatchObject({ listed: false })
    expect(await isRunning(idle.container_id)).toBe(true)

    const late = await startViewing(server, { ...other, port: other.host_http_port }, 'late')
    await until('the one with the late stream is listed again', async () => {
      const row = await engineOf(server, other.container_id)
      return row?.status === 'ready' && row.listed
    })
    await untilRemoved(site.docker, idle.container_id)
    const hiddenMs = goneMsAfterDraining(server, idle.container_id)
    expect(hiddenMs).toBeGreaterThanOrEqual(6_000)
    // Longer than ENGINE_GRACE_PERIOD_S and DRAIN_HIDE_S together.
    await staysFor(
      7_500,
      'both busy ones are listed',
      async () =>
        [busy, other].every(({ container_id }) => container_id !== null) &&
        (await fleetOf(server)).filter(({ status, listed }) => status === 'ready' && listed).length === 2,
    )
    expect(
      journalOf(server).some(
        ({ kind, detail }) => kind === 'engine.recalled' && detail.rule === 'used_again',
      ),
    ).toBe(true)

    await reportEnded(server, 'busy')
    await reportEnded(server, 'late')
    for (const each of [viewer, late]) each.leave()
    const left = await untilReady(server, 1)
    await agreement(server, site.docker, idsOf(left))
  })

  test('does not fall by an engine that still serves a session which ended in the books', async () => {
    const server = await started({ ...QUICK, AUTO_DELETE: 'true' })
    const engine = await mustProvision(server)
    const { container_id, host_http_port: port } = engine
    await until('it is ready', async () => (await engineOf(server, container_id))?.status === 'ready')
    const viewer = await startViewing(server, { container_id, port }, 'shared')
    try {
      await reportEnded(server, 'shared')
      await until('it drains', async () => (await engineOf(server, container_id))?.status === 'draining')
      const before = viewer.bytes()
      // Longer than DRAIN_HIDE_S, and than the time after which a session that stands still counts as unwatched.
      await staysFor(8_000, 'it drains and runs', async () => {
        expect(await engineOf(server, container_id)).toMatchObject({ status: 'draining' })
        return isRunning(container_id)
      })
      expect(viewer.bytes()).toBeGreaterThan(before)
    } finally {
      viewer.leave()
    }
    await untilRemoved(site.docker, container_id)
    expect(entryOf(server, 'engine.removal_requested', container_id).detail.rule).toBe('drained')
  })

  test('is what an operator last said, also after a restart, until MIN_REPLICAS is changed', async () => {
    const server = await started({ ...QUICK, MIN_REPLICAS: '1', MAX_REPLICAS: '4' })
    expect(await scale(server, 3)).toEqual({ scaled_to: 3, requested: 3 })
    await untilReady(server, 3)
    expect(await scale(server, 9)).toEqual({ scaled_to: 4, requested: 9 })
    const four = idsOf(await untilReady(server, 4))

    await server.end('SIGKILL')
    await server.start()
    expect(await planOf(server)).toMatchObject({ wanted: 4 })
    expect(idsOf(await untilReady(server, 4))).toEqual(four)

    expect(await scale(server, 2)).toEqual({ scaled_to: 2, requested: 2 })
    const two = idsOf(await untilReady(server, 2))
    expect(four).toEqual(expect.arrayContaining(two))
    await server.end('SIGKILL')
    await server.start()
    expect(await planOf(server)).toMatchObject({ wanted: 2 })

    await server.end('SIGKILL')
    await server.start({ MIN_REPLICAS: '3' })
    expect(await planOf(server)).toMatchObject({ wanted: 3 })
    expect(idsOf(await untilReady(server, 3))).toEqual(expect.arrayContaining(two))
    for (const demand of ['-1', 'many', '1.5', '1000001', '']) {
      expect((await server.post(`/scale/${demand}`)).status, demand).toBe(demand === '' ? 404 : 422)
    }
    expect(await planOf(server)).toMatchObject({ wanted: 3 })
  })
})

describe('an engine that does not answer', () => {
  afterEach(() => site.cleanUp())

  test('is replaced by another that is ready first, where there is room', async () => {
    const server = await started({ ...PROBED, MIN_REPLICAS: '2', MAX_REPLICAS: '5' })
    const before = await untilReady(server, 2)
    const ill = at(before, 0)
    const census = new Census(site.docker)
    await (await emulatorOf(site.docker, ill.container_id)).setFaults({ hang: ['all'] })
    await expectReplaced(server, before, ill)
    expect((await census.result()).most).toBe(3)
    const successor = at(
      (await fleetOf(server)).filter(({ container_id }) => !idsOf(before).includes(container_id)),
      0,
    )
    const readyAt = entryOf(server, 'engine.ready', successor.container_id).at
    expect(entryOf(server, 'engine.draining', ill.container_id).at).toBeGreaterThanOrEqual(readyAt)
    expect(entryOf(server, 'engine.replacing', ill.container_id).detail.rule).toBe('unhealthy')
  })

  test('goes first where MAX_REPLICAS leaves no room for another', async () => {
    const server = await started({ ...PROBED, MIN_REPLICAS: '2', MAX_REPLICAS: '2' })
    const before = await untilReady(server, 2)
    const ill = at(before, 0)
    const census = new Census(site.docker)
    await (await emulatorOf(site.docker, ill.container_id)).setFaults({ hang: ['all'] })
    await expectReplaced(server, before, ill)
    expect((await census.result()).most).toBe(2)
    expect(entryOf(server, 'engine.replacing', ill.container_id).detail.rule).toBe('unhealthy_at_cap')
  })

  test('is kept for its viewers while a session moves, and for the grace period when none does', async () => {
    const server = await started({ ...PROBED, MIN_REPLICAS: '2', HEALTH_UNHEALTHY_GRACE_PERIOD_S: '3' })
    const before = await untilReady(server, 2)
    const [dead, deaf] = [at(before, 0), at(before, 1)]
    const viewers = [await startViewing(server, dead, 'dead'), await startViewing(server, deaf, 'deaf')]
    try {
      await (await emulatorOf(site.docker, dead.container_id)).setFaults({ hang: ['all'] })
      await (await emulatorOf(site.docker, deaf.container_id)).setFaults({ hang: ['status'] })
      const isUnhealthy = async ({ container_id }: FleetRow) =>
        (await engineOf(server, container_id))?.health_status === 'unhealthy'
      await until('it is unhealthy', () => isUnhealthy(dead))
      const sinceMs = Date.now()
      await until('the other is unhealthy', () => isUnhealthy(deaf))
      // Its traffic is counted for half a minute, because there may be viewers whom no event reported.
      await untilRemoved(site.docker, dead.container_id, 50_000)
      // Some hundred milliseconds may pass between the verdict and this test's reading of it.
      expect(entryOf(server, 'engine.replacing', dead.container_id).at - sinceMs).toBeGreaterThan(2_500)
      // The books follow the removal by a transaction.
      await until('its stream has ended', async () => (await streamOf(server, 'dead'))?.status === 'ended')
      expect(await streamOf(server, 'dead')).toMatchObject({ status: 'ended', end_reason: 'engine_gone' })
      await staysFor(3_000, 'the one whose session moves runs', () => isRunning(deaf.container_id))
      expect(await streamOf(server, 'deaf')).toMatchObject({ status: 'started' })
      expect(
        journalOf(server).filter(
          (row) => row.kind === 'engine.replacing' && row.container_id === deaf.container_id,
        ),
      ).toEqual([])
    } finally {
      for (const viewer of viewers) viewer.leave()
    }
  })
})

describe('a change of the configuration', () => {
  afterEach(() => site.cleanUp())

  test('renews idle engines one at a time, and a busy one when its stream has ended', async () => {
    const server = await started({ ...PROBED, MIN_REPLICAS: '3' })
    const before = await untilReady(server, 3)
    const busy = at(before, 0)
    const viewer = await startViewing(server, busy, 'watched')
    await server.end()
    const census = new Census(site.docker)
    await server.start({ ENGINE_ENV: `${SESSION_IDLE}\nSOMETHING=else` })
    const renewed = await until(
      'the idle ones are renewed',
      async () => {
        const rows = await fleetOf(server)
        const isSettled =
          rows.length === 3 && rows.every(({ status, listed }) => status === 'ready' && listed)
        const old = idsOf(rows).filter((id) => idsOf(before).includes(id))
        return isSettled && old.join() === busy.container_id && rows
      },
      30_000,
    )
    await staysFor(2_000, 'the busy one is there', async () =>
      idsOf(await fleetOf(server)).includes(busy.container_id),
    )
    expect((await census.result()).most).toBe(4)
    expect(await streamOf(server, 'watched')).toMatchObject({ status: 'started' })
    await reportEnded(server, 'watched')
    viewer.leave()
    await expectReplaced(server, renewed, busy)
    expect(await planOf(server)).toMatchObject({ actions: [] })
  })
})

describe('an engine that ends by itself', () => {
  afterEach(() => site.cleanUp())

  test('is started by Docker again and again, and replaced when that was too often', async () => {
    const server = await started({ ...QUICK, MIN_REPLICAS: '2' })
    const before = await untilReady(server, 2)
    const shaky = at(before, 0)
    const timesReady = () =>
      journalOf(server).filter(
        ({ kind, container_id }) => kind === 'engine.ready' && container_id === shaky.container_id,
      ).length
    for (let restart = 1; restart <= 3; restart++) {
      await (await emulatorOf(site.docker, shaky.container_id)).exit(1)
      await until('Docker has started it again, and it is ready', () => timesReady() === restart + 1)
    }
    expect(idsOf(await untilReady(server, 2))).toEqual(idsOf(before))
    await (await emulatorOf(site.docker, shaky.container_id)).exit(1)
    await expectReplaced(server, before, shaky)
    expect(entryOf(server, 'engine.failed', shaky.container_id).detail.rule).toBe('crash_loop')
    // The engine was ready once, so engines like it work, and the breaker does not count the failure.
    expect(await breakerOf(server)).toMatchObject({ state: 'closed', failure_count: 0 })
  })

  test('before it was ever ready opens the circuit breaker, which lets one trial through, also after a restart', async () => {
    const broken = { ENGINE_ENV: 'BOOT_MS=nonsense' }
    const server = await started({
      ...QUICK,
      MIN_REPLICAS: '1',
      CIRCUIT_BREAKER_FAILURE_THRESHOLD: '2',
      CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '6',
      ...broken,
    })
    const census = new Census(site.docker)
    await until('the breaker is open', async () => (await breakerOf(server)).state === 'open', 30_000)
    const failed = journalOf(server).filter(({ kind }) => kind === 'engine.failed')
    expect(failed.map(({ detail }) => detail.rule)).toEqual(['crash_loop', 'crash_loop'])
    expect((await census.result()).most).toBe(1)
    await expectShut(server, 6)

    await server.end('SIGKILL')
    await server.start()
    await expectShut(server, 6)
    // The reconciler's own start is the trial.
    await until('a trial is let through', async () => (await fleetOf(server)).length === 1)
    expect((await breakerOf(server)).state).toBe('half_open')
    await expectShut(server, 10)
    await until('the trial has failed', async () => (await breakerOf(server)).state === 'open', 30_000)
    expect(journalOf(server).filter(({ kind }) => kind === 'provision.started')).toHaveLength(3)

    await server.end('SIGKILL')
    await server.start({ ENGINE_ENV: 'BOOT_MS=100' })
    expect((await breakerOf(server)).state).not.toBe('closed')
    expect((await server.post('/health/circuit-breaker/reset')).status).toBe(200)
    const rows = await untilReady(server, 1)
    expect(await breakerOf(server)).toMatchObject({ state: 'closed', failure_count: 0 })
    await agreement(server, site.docker, idsOf(rows))
  })
})

const isExpected = (code: string): boolean => code === 'max_capacity' || code === 'provisioning_in_progress'

/** Milliseconds from the moment when an engine was hidden until its removal was decided. */
function goneMsAfterDraining(server: TestServer, containerId: string): number {
  const draining = entryOf(server, 'engine.draining', containerId)
  return entryOf(server, 'engine.removal_requested', containerId).at - draining.at
}

interface BreakerView {
  readonly state: 'closed' | 'open' | 'half_open'
  readonly failure_count: number
}

async function breakerOf(server: TestServer): Promise<BreakerView> {
  const { circuit_breakers } = await server.get<{ circuit_breakers: { general: BreakerView } }>(
    '/health/status',
  )
  return circuit_breakers.general
}

/**
 * Checks that the breaker refuses a call, and that the answer and the status give the same whole seconds until the next try.
 */
async function expectShut(server: TestServer, etaMaxS: number): Promise<void> {
  const outcome = await provision(server)
  expect(outcome).toMatchObject({ kind: 'refused', status: 503, code: 'circuit_breaker' })
  const { retryAfter } = 'retryAfter' in outcome ? outcome : { retryAfter: null }
  expect(retryAfter).toMatch(/^\d+$/)
  expect(Number(retryAfter)).toBeGreaterThanOrEqual(1)
  expect(Number(retryAfter)).toBeLessThanOrEqual(etaMaxS)
  const { provisioning } = await server.get<{
    provisioning: {
      can_provision: boolean
      blocked_reason: string
      blocked_reason_details: { recovery_eta_seconds: number }
    }
  }>('/orchestrator/status')
  expect(provisioning).toMatchObject({ can_provision: false, blocked_reason: 'Circuit breaker is open' })
  const eta = provisioning.blocked_reason_details.recovery_eta_seconds
  expect(Number.isInteger(eta)).toBe(true)
  expect(Math.abs(eta - Number(retryAfter))).toBeLessThanOrEqual(1)
}
