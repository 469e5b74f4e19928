import { afterEach, describe, expect, test } from 'bun:test'
import { END_CLASSES } from '../../../src/core/streams/end-reasons.ts'
import { EXAMPLES } from '../../../src/http/openapi-examples.ts'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { journal } from '../../../src/store/schema.ts'
import { Exposition } from '../../support/exposition.ts'
import { Rig } from '../../support/rig.ts'
import { startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

/* The metrics of the whole application, step by step, on the runtime in memory. */

let rig: Rig
afterEach(() => rig.dispose())

const start = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
  rig = await new Rig(env).start()
}
const scrape = async (): Promise<Exposition> =>
  new Exposition(await (await rig.request('GET', '/metrics')).text())

/** The values of series without labels, in the order of `names`. */
const values = async (...names: readonly string[]): Promise<readonly number[]> => {
  const seen = await scrape()
  return names.map((name) => seen.of(name))
}
const ends = async () => (await scrape()).all('roundhouse_streams_ended_total')
const failures = async () => (await scrape()).all('roundhouse_provision_failures_total')
const duration = async (result: 'ok' | 'failed') => {
  const seen = await scrape()
  const of = (part: string) => seen.of(`roundhouse_provision_duration_seconds_${part}{result="${result}"}`)
  return { count: of('count'), sum: of('sum') }
}

/** Starts an engine that is ready, at port 19000. */
async function withEngine(env: Readonly<Record<string, string>> = {}): Promise<void> {
  await start(env)
  await rig.provision()
  await probe(true)
}

async function probe(ok: boolean, port = 19_000): Promise<void> {
  rig.health.report(port, ok, rig.clock.now())
  await settled()
}

const end = (reason: string, id = 'key|session') =>
  rig.json<{ updated: boolean }>('POST', '/events/stream_ended', { stream_id: id, reason })

const refusedStart = new RuntimeFailure('unrunnable', 'exec: "nope": not found')

describe('engines', () => {
  test('are counted by status and health as they come to be', async () => {
    await start({ MAX_REPLICAS: '5' })
    const fleet = ['roundhouse_live_engines', 'roundhouse_free_engines', 'roundhouse_listed_engines'] as const
    expect(await values(...fleet, 'roundhouse_max_replicas')).toEqual([0, 0, 0, 5])
    await rig.provision()
    expect((await scrape()).all('orch_engines')).toEqual({ 'status="starting"': 1 })
    expect((await scrape()).all('orch_engines_health')).toEqual({ 'health="unknown"': 1 })
    expect(await values(...fleet)).toEqual([1, 1, 1])
    await probe(true)
    expect((await scrape()).all('orch_engines')).toEqual({ 'status="ready"': 1 })
    expect(await values('orch_healthy_engines', 'orch_unhealthy_engines')).toEqual([1, 0])
    await rig.play(19_000)
    expect(await values(...fleet, 'orch_used_engines')).toEqual([1, 0, 1, 1])
  })

  test('beyond the minimum are extra, and those that are wanted are started by the plan', async () => {
    await start({ MIN_REPLICAS: '2' })
    await rig.clock.advance(1_000)
    const names = ['roundhouse_wanted_engines', 'roundhouse_min_replicas', 'orch_extra_engines'] as const
    expect(await values(...names, 'roundhouse_serving_engines')).toEqual([2, 2, 0, 2])
    // A plain request gets an engine that is being started already.
    await rig.provision({}, { labels: { owner: 'a' } })
    expect(await values(...names)).toEqual([2, 2, 1])
    const seen = await scrape()
    expect(seen.all('roundhouse_actions_total')).toEqual({ 'action="provision",rule="below_wanted"': 2 })
    expect(seen.of('roundhouse_reconcile_passes_total')).toBeGreaterThan(1)
    expect(seen.of('roundhouse_full_passes_total')).toBeGreaterThan(0)
    // No caller requested the other two engines.
    expect(seen.all('orch_provision_total')).toEqual({ 'kind="acestream"': 1 })
    expect((await duration('ok')).count).toBe(3)
  })

  test('are told with what they use, all together and the largest, as long as that is known', async () => {
    await start({ AUTO_DELETE: 'false', MIN_REPLICAS: '2', STARTUP_TIMEOUT_S: '600' })
    await rig.clock.advance(6_000)
    const names = [
      'engines_cpu_cores',
      'engine_cpu_cores_max',
      'engines_memory_bytes',
      'engine_memory_bytes_max',
    ]
    const used = () => values(...names.map((name) => `roundhouse_${name}`))
    const [one = '', other = ''] = rig.runtime.containers().map(({ id }) => id)
    rig.runtime.use(one, { cpuMs: 15_000, memoryBytes: 5_000 })
    rig.runtime.use(other, { cpuMs: 7_500, memoryBytes: 2_000 })
    await rig.clock.advance(30_000)
    expect(await used()).toEqual([0.75, 0.5, 7_000, 5_000])
    rig.runtime.kill(other)
    await rig.clock.advance(1)
    rig.runtime.freeze()
    await rig.clock.advance(180_000)
    expect(await used()).toEqual([0, 0, 0, 0])
    rig.runtime.thaw()
  })

  test('that are unhealthy are told with the time since when, until they answer', async () => {
    await withEngine({ MIN_REPLICAS: '1', MAX_REPLICAS: '1', HEALTH_FAILURE_THRESHOLD: '2' })
    await rig.play(19_000)
    const names = [
      'orch_healthy_engines',
      'orch_unhealthy_engines',
      'roundhouse_engine_unhealthy_seconds',
    ] as const
    expect(await values(...names)).toEqual([1, 0, 0])
    await probe(false)
    expect(await values(...names)).toEqual([1, 0, 0])
    await probe(false)
    expect(await values(...names)).toEqual([0, 1, 0])
    await rig.clock.advance(7_000)
    await probe(false)
    expect(await values(...names, 'roundhouse_unhealthy_grace_seconds')).toEqual([0, 1, 7, 60])
    await probe(true)
    await probe(true)
    expect(await values(...names)).toEqual([1, 0, 0])
  })
})

describe('an engine whose container stands still', () => {
  test('counts against the maximum, and has no verdict', async () => {
    await withEngine()
    rig.runtime.pause(rig.runtime.containers()[0]?.id ?? '')
    await rig.clock.advance(1_000)
    const seen = await scrape()
    expect(seen.all('orch_engines')).toEqual({ 'status="ready"': 1 })
    expect(seen.all('orch_engines_health')).toEqual({})
    expect(seen.of('roundhouse_live_engines')).toBe(1)
  })
})

describe('a start', () => {
  test('is observed once, with the time that it took', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    const answer = rig.provision()
    await hang.reached
    await rig.clock.advance(1_000)
    hang.release()
    expect((await answer).status).toBe(200)
    const { count, sum } = await duration('ok')
    expect(count).toBe(1)
    expect(sum).toBeGreaterThanOrEqual(1)
    expect(sum).toBeLessThan(2)
    await rig.clock.advance(60_000)
    expect(await duration('ok')).toEqual({ count, sum })
    expect(await duration('failed')).toEqual({ count: 0, sum: 0 })
  })

  test('that outlasts its caller is one refusal and then one start; the next caller gets it', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    expect((await rig.provision()).status).toBe(503)
    expect(await failures()).toEqual({ 'code="provisioning_in_progress"': 1 })
    expect((await duration('ok')).count).toBe(0)
    hang.release()
    await settled()
    expect((await duration('ok')).count).toBe(1)
    expect((await rig.provision()).status).toBe(200)
    expect((await duration('ok')).count).toBe(1)
    expect((await scrape()).all('orch_provision_total')).toEqual({ 'kind="acestream"': 1 })
  })

  test('that fails is one failure by its code, whether a caller waits for it or nobody does', async () => {
    await start()
    rig.runtime.faults.next('start', { kind: 'fail_before', failure: refusedStart })
    expect((await rig.provision()).status).toBe(500)
    expect(await failures()).toEqual({ 'code="general_error"': 1 })
    expect((await duration('failed')).count).toBe(1)
    rig.runtime.faults.next('start', { kind: 'fail_before', failure: refusedStart })
    await rig.request('POST', '/scale/1')
    await rig.clock.advance(1_000)
    expect(await failures()).toEqual({ 'code="general_error"': 2 })
    expect((await duration('failed')).count).toBe(2)
  })

  test('whose outcome is found out only later is observed then, and once', async () => {
    await start()
    rig.runtime.faults.next('start', { kind: 'lose_answer' })
    await rig.provision()
    await rig.clock.advance(60_000)
    expect((await duration('ok')).count).toBe(1)
    expect((await duration('failed')).count).toBe(0)
  })

  test('that two callers of one key wait for is one start and two answers', async () => {
    await start()
    const init = { headers: { 'idempotency-key': 'k' } }
    const answers = await Promise.all([rig.provision(init), rig.provision(init)])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect((await duration('ok')).count).toBe(1)
    expect((await scrape()).all('orch_provision_total')).toEqual({ 'kind="acestream"': 2 })
  })

  test('that is refused at once takes no time, and a generic container is counted by its kind', async () => {
    await start({ MAX_REPLICAS: '1' })
    await rig.provision()
    await rig.provision()
    expect(await failures()).toEqual({ 'code="max_capacity"': 1 })
    expect((await duration('failed')).count).toBe(0)
    expect(await values('roundhouse_can_provision')).toEqual([0])
    expect((await rig.during(rig.request('POST', '/provision', { image: 'engine:1' }))).status).toBe(200)
    expect((await scrape()).all('orch_provision_total')).toEqual({
      'kind="acestream"': 1,
      'kind="generic"': 1,
    })
  })
})

describe('streams', () => {
  const EVENTS = ['orch_events_started_total', 'orch_events_ended_total', 'orch_streams_active'] as const

  test('are counted as they are in the books, however often a proxy says the same', async () => {
    await withEngine()
    await rig.play(19_000)
    await rig.play(19_000)
    expect(await values(...EVENTS, 'orch_total_streams', 'orch_used_engines')).toEqual([2, 0, 1, 1, 1])
    expect(await end('eof')).toMatchObject({ updated: true })
    expect(await end('eof')).toMatchObject({ updated: false })
    expect(await values(...EVENTS, 'orch_total_streams', 'orch_used_engines')).toEqual([2, 2, 0, 0, 0])
    expect(await ends()).toEqual({ 'reason="eof"': 1 })
    expect(await values('roundhouse_streams_in_books')).toEqual([1])
  })

  test('that failed to start are events and nothing else', async () => {
    await withEngine()
    await rig.json('POST', '/events/stream_started', {
      engine: { host: 'localhost', port: 19_000 },
      stream: { key_type: 'content_id', key: 'key' },
      session: { playback_session_id: 'fetch_failed', stat_url: '', command_url: '', is_live: 0 },
    })
    expect(await values(...EVENTS)).toEqual([1, 0, 0])
    expect(await ends()).toEqual({})
  })

  test('end under the reasons of proxies that are known, and any other text is one', async () => {
    await withEngine()
    const before = (await scrape()).series().length
    const reasons = [
      'eof',
      'client_disconnected',
      ...Array.from({ length: 50 }, (_, at) => `free text ${at}"\\`),
    ]
    for (const reason of reasons) {
      await rig.play(19_000)
      await end(reason)
    }
    expect(await ends()).toEqual({
      'reason="client_disconnected"': 1,
      'reason="eof"': 1,
      'reason="other"': 50,
    })
    expect((await scrape()).series()).toHaveLength(before)
  })

  test('whose engine forgot them, or is deleted, end under our reasons', async () => {
    await withEngine()
    await rig.play(19_000)
    for (let denial = 0; denial < 3; denial++) await rig.say(1, 'ended')
    expect(await values('orch_stale_streams_detected_total', 'orch_events_ended_total')).toEqual([1, 0])
    await rig.play(19_000, 'key|other')
    const id = rig.runtime.containers().at(0)?.id
    await rig.during(rig.request('DELETE', `/containers/${id}`))
    expect(await ends()).toEqual({ 'reason="engine_deleted"': 1, 'reason="session_unknown"': 1 })
    expect(await values('orch_stale_streams_detected_total', 'orch_streams_active')).toEqual([1, 0])
  })

  test('are counted when they end, though the journal forgets it before the scrape', async () => {
    await withEngine({ MONITOR_INTERVAL_S: '10' })
    await rig.play(19_000)
    await end('eof')
    await rig.clock.advance(11_000)
    rig.temp.store.transact((tx) => {
      tx.delete(journal).run()
    })
    expect(await ends()).toEqual({ 'reason="eof"': 1 })
  })

  test('that ended before this process are none of its own', async () => {
    await withEngine()
    await rig.play(19_000)
    await end('eof')
    await rig.restart()
    expect(await ends()).toEqual({})
    expect(await values(...EVENTS)).toEqual([0, 0, 0])
  })

  test('are summed up by the newest figures of those that are started', async () => {
    await withEngine({ COLLECT_INTERVAL_S: '5' })
    await rig.play(19_000)
    await rig.play(19_000, 'key|other')
    const one = { peers: 3, downloaded: 5_000, uploaded: 100, speedDown: 2_048, speedUp: 512 }
    const two = { peers: 4, downloaded: 7_000, uploaded: 11, speedDown: 1_024, speedUp: null }
    await rig.say(1, 'serves', { ...one, peers: 99 })
    await rig.clock.advance(5_000)
    await rig.say(1, 'serves', one)
    await rig.say(2, 'serves', two)
    await rig.clock.advance(5_000)
    const names = [
      'orch_total_peers',
      'orch_total_downloaded_bytes',
      'orch_total_uploaded_bytes',
      'orch_total_download_speed_mbps',
      'orch_total_upload_speed_mbps',
    ] as const
    expect(await values(...names)).toEqual([7, 12_000, 111, 3, 0.5])
    await end('eof')
    expect(await values(...names)).toEqual([4, 7_000, 11, 1, 0])
  })

  test('whose engine stays silent are errors of the collector, as long as they are started', async () => {
    await withEngine()
    await rig.play(19_000)
    const errors = () => values('orch_collector_errors_total')
    await rig.say(1, 'serves')
    await rig.say(1, 'ended')
    expect(await errors()).toEqual([0])
    await rig.say(1, 'silent')
    await rig.say(1, 'silent')
    expect(await errors()).toEqual([2])
    const [target] = rig.health.targets
    if (target === undefined) throw new Error('no engine is probed')
    await end('eof')
    const { engineId, generation } = target
    const late = { engineId, generation, streamRowId: 1, state: 'silent', figures: null } as const
    rig.health.tellSessions({ ...late, atMs: rig.clock.now() })
    await settled()
    expect(await errors()).toEqual([2])
  })
})

describe('what is in the way', () => {
  test('the breaker: one state of each is 1, and no provision is possible while it is open', async () => {
    await start({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '30' })
    const states = async () => Object.keys((await scrape()).all('roundhouse_breaker_state'))
    const closed = ['breaker="general",state="closed"', 'breaker="replacement",state="closed"']
    expect(await states()).toEqual(closed)
    rig.runtime.faults.next('start', { kind: 'fail_before', failure: refusedStart })
    await rig.provision()
    expect(await states()).toEqual(['breaker="general",state="open"', 'breaker="replacement",state="closed"'])
    expect(await values('roundhouse_can_provision')).toEqual([0])
    await rig.provision()
    expect(await failures()).toEqual({ 'code="circuit_breaker"': 1, 'code="general_error"': 1 })
    await rig.clock.advance(30_000)
    expect(await states()).toEqual([
      'breaker="general",state="half_open"',
      'breaker="replacement",state="closed"',
    ])
    await rig.request('POST', '/health/circuit-breaker/reset')
    expect(await states()).toEqual(closed)
    expect(await values('roundhouse_can_provision')).toEqual([1])
  })

  test('Docker: unreachable and back', async () => {
    await withEngine()
    const names = ['roundhouse_docker_reachable', 'roundhouse_ready', 'roundhouse_can_provision'] as const
    expect(await values(...names)).toEqual([1, 1, 1])
    rig.runtime.goDown()
    await rig.clock.advance(10_000)
    expect(await values(...names)).toEqual([0, 1, 0])
    // While Docker is away, the last known engines still count.
    expect(await values('roundhouse_live_engines', 'roundhouse_free_engines')).toEqual([1, 1])
    rig.runtime.comeUp()
    await rig.clock.advance(30_000)
    expect(await values(...names)).toEqual([1, 1, 1])
  })

  test('a start of ours: not ready before all engines were looked for', async () => {
    rig = new Rig()
    rig.runtime.goDown()
    await rig.start()
    expect(await values('roundhouse_ready')).toEqual([0])
    rig.runtime.comeUp()
    await rig.clock.advance(30_000)
    expect(await values('roundhouse_ready')).toEqual([1])
  })

  test('the VPN: the state of each node, and that of the best', async () => {
    const { rig: behind, nodes } = await startBehindVpn(['one', 'two'])
    rig = behind
    const states = async () => {
      const seen = await scrape()
      return Object.keys({ ...seen.all('orch_vpn_health'), ...seen.all('roundhouse_vpn_node_state') })
    }
    expect(await states()).toEqual(['state="healthy"', 'node="one",state="up"', 'node="two",state="up"'])
    const [one, two] = nodes
    if (one === undefined || two === undefined) throw new Error('two nodes were asked for')
    one.health = 'unhealthy'
    one.report()
    await settled()
    expect(await states()).toEqual(['state="healthy"', 'node="one",state="down"', 'node="two",state="up"'])
    two.health = 'unhealthy'
    two.report()
    await settled()
    expect(await states()).toEqual([
      'state="unhealthy"',
      'node="one",state="down"',
      'node="two",state="down"',
    ])
    expect(await values('roundhouse_can_provision')).toEqual([0])
    rig.vpn.lose()
    await settled()
    expect((await states())[0]).toBe('state="unknown"')
  })

  test('no VPN: disabled, and no node', async () => {
    await start()
    const seen = await scrape()
    expect(seen.all('orch_vpn_health')).toEqual({ 'state="disabled"': 1 })
    expect(seen.series().filter((series) => series.startsWith('roundhouse_vpn_node_state'))).toEqual([])
  })
})

describe('a scrape', () => {
  test('asks nobody, and changes nothing', async () => {
    await withEngine()
    await rig.play(19_000)
    await rig.say(1, 'serves', { downloaded: 1 })
    const calls: unknown[] = []
    rig.runtime.faults.decide = (call) => {
      calls.push(call)
      return null
    }
    const version = rig.temp.store.version()
    const before = await scrape()
    for (let time = 0; time < 20; time++) expect((await scrape()).text).toBe(before.text)
    await settled()
    expect(calls).toEqual([])
    expect(rig.temp.store.version()).toBe(version)
  })

  test('with one stream has the lines of the example in the API document', async () => {
    await withEngine()
    await rig.play(19_000)
    const { text } = await scrape()
    expect(text).toContain(String(EXAMPLES.getMetrics?.response))
  })

  test('has as many series for twenty engines as for one', async () => {
    await withEngine({ MAX_REPLICAS: '30' })
    await rig.play(19_000)
    const before = (await scrape()).series()
    for (let port = 19_001; port < 19_020; port++) {
      await rig.provision()
      await rig.play(port, `key|${port}`)
    }
    const after = await scrape()
    expect(after.of('roundhouse_live_engines')).toBe(20)
    expect(after.series()).toEqual(before)
  })

  test('has a series for every class of ends from the first, so that none hides its first event', async () => {
    await start()
    const series = (await scrape()).series()
    for (const reason of END_CLASSES)
      expect(series).toContain(`roundhouse_streams_ended_total{reason="${reason}"}`)
  })

  test('never shows a counter that went back, whatever happens', async () => {
    await start({ MIN_REPLICAS: '2', MAX_REPLICAS: '4', CIRCUIT_BREAKER_FAILURE_THRESHOLD: '2' })
    let before = (await scrape()).counters()
    const steps: readonly (() => Promise<unknown>)[] = [
      () => rig.clock.advance(2_000),
      () => rig.provision(),
      () => rig.play(19_000),
      () => rig.say(1, 'silent'),
      () => end('eof'),
      () => rig.play(19_000, 'key|2'),
      async () => rig.runtime.crash(rig.runtime.containers()[0]?.id ?? ''),
      () => rig.clock.advance(30_000),
      async () => rig.runtime.faults.next('start', { kind: 'fail_before', failure: refusedStart }),
      () => rig.provision(),
      async () => rig.runtime.goDown(),
      () => rig.clock.advance(30_000),
      () => rig.provision(),
      async () => rig.runtime.comeUp(),
      () => rig.clock.advance(120_000),
      () => rig.request('POST', '/health/circuit-breaker/reset'),
      () => rig.clock.advance(600_000),
    ]
    for (const [at, step] of steps.entries()) {
      await step()
      await settled()
      const now = (await scrape()).counters()
      for (const [series, value] of before)
        expect([at, series, (now.get(series) ?? -1) >= value]).toEqual([at, series, true])
      before = now
    }
    const sum = (prefix: string) =>
      [...before].reduce((total, [series, value]) => total + (series.startsWith(prefix) ? value : 0), 0)
    expect(sum('roundhouse_streams_ended_total')).toBe(2)
    expect(sum('roundhouse_provision_failures_total')).toBeGreaterThanOrEqual(2)
  })
})
