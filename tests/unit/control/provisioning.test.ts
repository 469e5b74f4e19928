import { afterEach, describe, expect, test } from 'bun:test'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { leasesIn } from '../../../src/store/leases.ts'
import { IMAGE, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

interface Provisioned {
  readonly container_id: string
  readonly container_name: string
  readonly host_http_port: number
}
interface Listed {
  readonly container_id: string
  readonly status: string
  readonly listed: boolean
  readonly port: number
}
interface Refused {
  readonly detail: { readonly code: string }
  readonly code: string
  readonly message: string
  readonly recovery_eta_seconds: number | null
}

let rig: Rig
const start = async (env: Record<string, string> = {}): Promise<Rig> => {
  rig = await new Rig(env).start()
  return rig
}
afterEach(() => rig.dispose())

const listed = () => rig.json<Listed[]>('GET', '/engines')
const all = () => rig.json<Listed[]>('GET', '/engines?status=all')
/** The published ports that are leased. */
const leases = () => leasesIn(rig.temp.store.db).flatMap(({ kind, port }) => (kind === 'p2p' ? [] : [port]))
const provisioned = async (init: RequestInit = {}, body?: unknown): Promise<Provisioned> => {
  const response = await rig.provision(init, body)
  expect(response.status).toBe(200)
  return response.json() as Promise<Provisioned>
}
const warnings = async (): Promise<string[]> => {
  const status = await rig.json<{ warnings: { code: string }[] }>('GET', '/orchestrator/status')
  return status.warnings.map(({ code }) => code).filter((code) => code === 'start_refused')
}
const keyed = (key: string) => ({ headers: { 'idempotency-key': key } })

describe('a provision', () => {
  test('is listed by the very next GET /engines, with its lease and its container', async () => {
    await start()
    const engine = await provisioned()
    expect(await listed()).toMatchObject([{ container_id: engine.container_id, status: 'starting' }])
    expect(leases()).toEqual([engine.host_http_port])
    const [container] = rig.runtime.containers()
    expect(container).toMatchObject({ id: engine.container_id, name: 'acestream-1', state: 'running' })
    expect(container?.ports).toEqual([{ containerPort: 19_000, hostPort: 19_000, protocol: 'tcp' }])
  })

  test('is journalled in its transactions', async () => {
    await start()
    await provisioned()
    const kinds = newestJournal(rig.temp.store.db, 10).map(({ kind }) => kind)
    expect(kinds).toEqual(['provision.completed', 'provision.started'])
  })

  test('twenty at once have twenty ports, names and containers', async () => {
    await start()
    const engines = await Promise.all(Array.from({ length: 20 }, () => provisioned()))
    expect(new Set(engines.map(({ host_http_port }) => host_http_port)).size).toBe(20)
    expect(new Set(engines.map(({ container_id }) => container_id)).size).toBe(20)
    expect(leases().toSorted()).toEqual(engines.map(({ host_http_port }) => host_http_port).toSorted())
    expect(await listed()).toHaveLength(20)
  })

  test('goes round a port that the host refuses, within the same call', async () => {
    await start()
    rig.runtime.takePort(19_000)
    const engine = await provisioned()
    expect(engine.host_http_port).toBe(19_001)
    expect(leases()).toEqual([19_001])
    expect(rig.runtime.containers()).toHaveLength(1)
    // The refused port is avoided for a while, and tried again after that.
    expect((await provisioned()).host_http_port).not.toBe(19_000)
  })

  test('leaves a refused port alone for a minute, and tries it again then', async () => {
    await start({ PORT_RANGE_HOST: '19000-19001' })
    rig.runtime.takePort(19_000)
    expect((await provisioned()).host_http_port).toBe(19_001)
    const begun = () =>
      newestJournal(rig.temp.store.db, 100).filter(({ kind }) => kind === 'provision.started').length
    expect(begun()).toBe(1)
    const refused = await rig.provision()
    expect(await refused.json()).toMatchObject({ detail: { code: 'no_free_port' } })
    // The request is refused before anything begins, so Docker is not called.
    expect(begun()).toBe(1)
    rig.runtime.releasePort(19_000)
    await rig.clock.advance(61_000)
    expect((await provisioned()).host_http_port).toBe(19_000)
  })

  test('goes round a port that is refused before there is a container, as the mesh of a swarm does', async () => {
    await start()
    const failure = new RuntimeFailure('port_taken', 'port 19000 is in use by another service')
    rig.runtime.faults.next('create', { kind: 'fail_before', failure })
    expect((await provisioned()).host_http_port).toBe(19_001)
    expect(leases()).toEqual([19_001])
  })

  test('goes round a name that a stranger has', async () => {
    await start()
    const spec = {
      image: IMAGE,
      env: {},
      labels: {},
      ports: [],
      publishAddress: '',
      network: null,
      memoryBytes: null,
      cpus: null,
    }
    await rig.runtime.create({ ...spec, name: 'acestream-1' })
    expect((await provisioned()).container_name).toBe('acestream-2')
  })

  test('takes the port that was asked for, and refuses it when it is held', async () => {
    await start()
    expect((await provisioned({}, { host_port: 40_001 })).host_http_port).toBe(40_001)
    const refused = await rig.provision({}, { host_port: 40_001 })
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ detail: { code: 'no_free_port' } })
    rig.runtime.takePort(40_002)
    const strangers = await rig.provision({}, { host_port: 40_002 })
    expect(strangers.status).toBe(503)
    expect(leases()).toEqual([40_001])
  })

  test('with all ports taken is refused with a time to come back', async () => {
    await start({ PORT_RANGE_HOST: '19000-19001' })
    await provisioned()
    await provisioned()
    const refused = await rig.provision()
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('6')
    expect(await refused.json()).toMatchObject({ detail: { code: 'no_free_port', should_wait: true } })
  })

  test('of an image that is not there names the remedy and leaves nothing', async () => {
    await start({ ALLOWED_IMAGES: 'nope/none:1' })
    const failed = await rig.provision({}, { image: 'nope/none:1' })
    expect(failed.status).toBe(500)
    expect((await failed.json()) as Refused).toMatchObject({
      code: 'image_missing',
      message:
        'Failed to provision engine: image nope/none:1 is not on this Docker host; run: docker pull nope/none:1',
      recovery_eta_seconds: null,
    })
    expect(leases()).toEqual([])
    expect(await all()).toEqual([])
  })

  test('whose start is refused destroys its container and opens the breaker at the threshold', async () => {
    await start({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '2' })
    const failure = new RuntimeFailure('unrunnable', 'exec: "nope": not found')
    for (let i = 0; i < 2; i++) {
      rig.runtime.faults.next('start', { kind: 'fail_before', failure })
      expect((await rig.provision()).status).toBe(500)
    }
    expect(rig.runtime.containers()).toEqual([])
    expect(leases()).toEqual([])
    const refused = await rig.provision()
    expect(refused.status).toBe(503)
    expect((await refused.json()) as Refused).toMatchObject({ code: 'circuit_breaker' })
    await rig.request('POST', '/health/circuit-breaker/reset')
    await provisioned()
  })

  test.each(['create', 'start'] as const)(
    'whose %s the host refuses is told with its cause, and no breaker hears of it',
    async (verb) => {
      await start({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '2' })
      const failure = new RuntimeFailure('refused', 'The firewall of the host does not take a rule.')
      for (let i = 0; i < 5; i++) {
        rig.runtime.faults.next(verb, { kind: 'fail_before', failure })
        const refused = await rig.provision()
        expect(refused.status).toBe(500)
        expect(await refused.text()).toContain(failure.message)
      }
      expect(rig.runtime.containers()).toEqual([])
      expect(leases()).toEqual([])
      expect(await warnings()).toEqual(['start_refused'])
      await provisioned()
      expect(await warnings()).toEqual([])
    },
  )

  test('stops at MAX_REPLICAS, also with all of them at once', async () => {
    await start({ MAX_REPLICAS: '3' })
    const answers = await Promise.all(Array.from({ length: 5 }, () => rig.provision()))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 503, 503])
    const refused = answers.find(({ status }) => status === 503)
    expect(await refused?.json()).toMatchObject({
      message: 'Cannot provision engine: maximum capacity reached (3 of 3 engines)',
      recovery_eta_seconds: 6,
    })
    expect(rig.runtime.containers()).toHaveLength(3)
  })
})

describe('a slow Docker', () => {
  test('at the deadline the answer is provisioning_in_progress, and the next call gets that engine', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    const first = await rig.provision()
    expect(first.status).toBe(503)
    expect(first.headers.get('retry-after')).toBe('2')
    expect(await first.json()).toMatchObject({
      detail: { code: 'provisioning_in_progress', should_wait: true },
    })
    const second = rig.provision()
    hang.release()
    expect((await second).status).toBe(200)
    expect(rig.runtime.containers()).toHaveLength(1)
    expect(await listed()).toHaveLength(1)
  })

  test('an engine that is ready after its caller gave up is hidden, handed to the next, and listed then', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    await rig.provision()
    hang.release()
    await settled()
    expect(await listed()).toEqual([])
    expect(await all()).toMatchObject([{ status: 'starting', listed: false }])
    const { container_id } = await provisioned()
    expect(await listed()).toMatchObject([{ container_id }])
    // The next caller is another viewer, and never gets the same engine.
    expect((await provisioned()).container_id).not.toBe(container_id)
  })

  test('goes to nobody with another body', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    await rig.provision()
    hang.release()
    await settled()
    await provisioned({}, { labels: { other: 'body' } })
    expect(rig.runtime.containers()).toHaveLength(2)
  })

  test('becomes an ordinary spare when nobody came back in time', async () => {
    await start({ UNCLAIMED_TTL_S: '15' })
    const hang = rig.runtime.faults.hang('start')
    await rig.provision()
    hang.release()
    await rig.clock.advance(14_000)
    expect(await listed()).toEqual([])
    await rig.clock.advance(2_000)
    expect(await listed()).toHaveLength(1)
  })

  test('also when the orchestrator was restarted meanwhile', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    await rig.provision()
    hang.release()
    await settled()
    await rig.restart()
    expect(await listed()).toEqual([])
    await rig.clock.advance(15_000)
    expect(await listed()).toHaveLength(1)
  })

  test('a caller that goes away leaves its engine to its next try', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    const client = new AbortController()
    const gone = rig.request('POST', '/provision/acestream', {}, { signal: client.signal })
    await hang.reached
    client.abort()
    await gone
    const again = rig.provision({}, {})
    hang.release()
    expect((await again).status).toBe(200)
    expect(rig.runtime.containers()).toHaveLength(1)
  })

  test('at the capacity limit an unclaimed engine is still handed out', async () => {
    await start({ MAX_REPLICAS: '1' })
    const hang = rig.runtime.faults.hang('start')
    await rig.provision()
    hang.release()
    await settled()
    const status = await rig.json<{ provisioning: { can_provision: boolean } }>('GET', '/orchestrator/status')
    expect(status.provisioning.can_provision).toBe(true)
    await provisioned()
    expect((await rig.provision()).status).toBe(503)
  })
})

describe('an idempotency key', () => {
  test('gives the same answer while the engine is there, and a new one after it', async () => {
    await start()
    const first = await provisioned(keyed('k'))
    expect(await provisioned(keyed('k'))).toEqual(first)
    expect(rig.runtime.containers()).toHaveLength(1)
    await rig.during(rig.request('DELETE', `/containers/${first.container_id}`))
    expect((await provisioned(keyed('k'))).container_id).not.toBe(first.container_id)
  })

  test('joins the call in flight', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    const calls = [rig.provision(keyed('k')), rig.provision(keyed('k'))]
    await hang.reached
    hang.release()
    const [first, second] = await Promise.all(calls.map(async (call) => (await call).json()))
    expect(first).toEqual(second)
    expect(rig.runtime.containers()).toHaveLength(1)
  })

  test('with another body is refused', async () => {
    await start()
    await provisioned(keyed('k'))
    const refused = await rig.provision(keyed('k'), { labels: { a: 'b' } })
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('idempotency-key')
  })

  test('does not keep a failure', async () => {
    await start()
    rig.runtime.faults.next('start', { kind: 'fail_before', failure: new RuntimeFailure('unrunnable', 'no') })
    expect((await rig.provision(keyed('k'))).status).toBe(500)
    // Nothing is left of the failed call, so the key can also be used with another body.
    await provisioned(keyed('k'), { labels: { a: 'b' } })
  })

  test.each([1, 2])(
    'keeps its unclaimed engine from callers without it, given up on %d times',
    async (times) => {
      await start()
      const hang = rig.runtime.faults.hang('start')
      for (let time = 0; time < times; time++) await rig.provision(keyed('k'))
      hang.release()
      await settled()
      const stranger = await provisioned()
      const owner = await provisioned(keyed('k'))
      expect(owner.container_id).not.toBe(stranger.container_id)
      expect(rig.runtime.containers()).toHaveLength(2)
    },
  )
})

describe('an unknown outcome', () => {
  test.each(['create', 'start'] as const)(
    'a lost answer of %s is settled by a look, and the engine is not lost',
    async (verb) => {
      await start()
      rig.runtime.faults.next(verb, { kind: 'lose_answer' })
      const answer = await rig.provision()
      await rig.clock.advance(20_000)
      const containers = rig.runtime.containers()
      expect(containers).toHaveLength(verb === 'start' ? 1 : 0)
      expect((await all()).map(({ container_id }) => container_id)).toEqual(containers.map(({ id }) => id))
      expect(leases()).toHaveLength(containers.length)
      // An engine that starts in time is a success, whatever answer was lost. Otherwise the caller was told to come back.
      expect(verb === 'start' ? [200, 503] : [503, 500]).toContain(answer.status)
    },
  )

  test('a caller hears at once what a look found out of its start', async () => {
    await start()
    rig.runtime.faults.next('start', { kind: 'lose_answer' })
    const calledMs = rig.clock.now()
    const answer = await rig.provision()
    expect(answer.status).toBe(200)
    // Long before the deadline, which would refuse it.
    expect(rig.clock.now() - calledMs).toBeLessThan(1_000)
  })

  test('a socket that is not there is a known outcome: nothing was made, nothing stays', async () => {
    await start()
    rig.runtime.faults.next('create', {
      kind: 'fail_before',
      failure: new RuntimeFailure('unreachable', 'no socket', { effect: 'none' }),
    })
    const refused = await rig.provision()
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({
      detail: { code: 'runtime_unavailable', recovery_eta_seconds: 4 },
    })
    expect(await all()).toEqual([])
    expect(leases()).toEqual([])
  })

  test('a frozen Docker is answered within the deadline, and nothing is doubled or lost after the thaw', async () => {
    await start()
    rig.runtime.freeze()
    const statuses = [(await rig.provision()).status, (await rig.provision()).status]
    expect(statuses).toEqual([503, 503])
    rig.runtime.thaw()
    await rig.clock.advance(60_000)
    const containers = rig.runtime.containers()
    expect((await all()).map(({ container_id }) => container_id).toSorted()).toEqual(
      containers.map(({ id }) => id).toSorted(),
    )
    expect(containers.length).toBeLessThanOrEqual(1)
    expect(leases()).toHaveLength(containers.length)
  })

  test('while Docker is frozen the status promises nothing, and an equal call waits for the engine in flight', async () => {
    await start()
    rig.runtime.freeze()
    await rig.provision()
    await rig.clock.advance(3_000)
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({
      provisioning: { can_provision: false, blocked_reason: 'Docker not reachable' },
    })
    const waiting = rig.provision()
    rig.runtime.thaw()
    expect((await waiting).status).toBe(200)
    expect(await all()).toHaveLength(1)
  })

  test('Docker known to be away is refused at once', async () => {
    await start()
    rig.runtime.goDown()
    await rig.clock.advance(3_000)
    const refused = await rig.request('POST', '/provision/acestream', {})
    expect(await refused.json()).toMatchObject({ detail: { code: 'runtime_unavailable' } })
    const status = await rig.json<{ provisioning: object }>('GET', '/orchestrator/status')
    expect(status).toMatchObject({
      status: 'unavailable',
      provisioning: { can_provision: false, blocked_reason: 'Docker not reachable' },
    })
    rig.runtime.comeUp()
    await rig.clock.advance(2_000)
    await provisioned()
  })
})
