import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { newestJournal } from '../../../src/store/journal.ts'
import { streamsWhere } from '../../../src/store/streams.ts'
import { figures } from '../../support/builders.ts'
import { Exposition } from '../../support/exposition.ts'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* The whole application while the database accepts no writes, because another process holds its lock. */

interface Status {
  readonly status: string
  readonly streams: { readonly active: number }
  readonly provisioning: {
    readonly can_provision: boolean
    readonly blocked_reason: string | null
    readonly blocked_reason_details: { readonly code: string; readonly recovery_eta_seconds: number } | null
  }
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}

let rig: Rig
let holder: Database | null

beforeEach(async () => {
  holder = null
  rig = await new Rig({ MIN_REPLICAS: '1', COLLECT_INTERVAL_S: '1' }).start()
  await rig.clock.advance(1_000)
  rig.health.report(19_000, true, rig.clock.now())
  await settled()
})
afterEach(async () => {
  holder?.close()
  await rig.dispose()
})

const refuse = (): void => {
  holder = new Database(rig.temp.path)
  holder.run('BEGIN IMMEDIATE')
}
const accept = async (): Promise<void> => {
  holder?.close()
  holder = null
  await rig.clock.advance(2_500)
}
const status = () => rig.json<Status>('GET', '/orchestrator/status')
const listed = () => rig.json<{ container_id: string; streams: string[] }[]>('GET', '/engines')
const end = (id: string) =>
  rig.json<{ updated: boolean }>('POST', '/events/stream_ended', { stream_id: id, reason: 'eof' })
const running = () => rig.runtime.containers().filter(({ state }) => state === 'running')
const kinds = () => newestJournal(rig.temp.store.db, 20).map(({ kind }) => kind)
const lines = (text: string) => rig.logged.filter((line) => line.includes(text))

describe('what proxies report', () => {
  test('is answered, counts at once, and is written when that is possible again', async () => {
    refuse()
    await rig.play(19_000, 'one')
    await rig.play(19_000, 'two')
    expect(await end('one')).toMatchObject({ updated: true })
    expect(await listed()).toMatchObject([{ streams: ['two'] }])
    expect((await status()).streams.active).toBe(1)
    await accept()
    rig.temp.reopen()
    expect(
      streamsWhere(rig.temp.store.db, {}).map(({ streamId, status }) => `${streamId} ${status}`),
    ).toEqual(['one ended', 'two started'])
  })

  test('is looked after meanwhile: its session is asked about, and its figures are written later', async () => {
    refuse()
    await rig.play(19_000, 'one')
    await settled()
    expect(rig.health.targets[0]?.sessions).toHaveLength(1)
    await rig.say(1, 'serves', figures({ downloaded: 7 }))
    await rig.clock.advance(3_000)
    expect(await rig.json('GET', '/streams/one/stats')).toEqual([])
    await accept()
    expect(await rig.json('GET', '/streams/one/stats')).toMatchObject([{ downloaded: 7 }])
  })
})

describe('what has to be written', () => {
  test('is refused with a time to come back, and nothing is done in Docker', async () => {
    refuse()
    const before = rig.runtime.containers().length
    const answer = await rig.provision()
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('6')
    expect(await answer.json()).toMatchObject({
      code: 'storage_unavailable',
      detail: { code: 'storage_unavailable', recovery_eta_seconds: 6, should_wait: true },
    })
    expect(rig.runtime.containers()).toHaveLength(before)
  })

  test.each([
    ['POST', '/provision'],
    ['POST', '/scale/3'],
    ['DELETE', '/scale'],
    ['POST', '/engines/acestream-1/drain'],
    ['DELETE', '/containers/acestream-1'],
    ['POST', '/health/circuit-breaker/reset'],
  ] as const)('%s %s is refused so', async (method, path) => {
    refuse()
    const answer = await rig.during(rig.request(method, path, method === 'POST' ? {} : undefined))
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ code: 'storage_unavailable' })
    expect(running()).toHaveLength(1)
  })

  test('is refused also where it shows only after the container was started, and the engine is found later', async () => {
    const hang = rig.runtime.faults.hang('start')
    const answer = rig.request('POST', '/provision/acestream', {})
    await hang.reached
    refuse()
    hang.release()
    const response = await rig.during(answer)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'storage_unavailable' })
    expect(running()).toHaveLength(2)
    await accept()
    // The caller never got the answer, so the next caller gets the engine.
    expect((await rig.provision()).status).toBe(200)
    expect(running()).toHaveLength(2)
    expect(await listed()).toHaveLength(2)
  })
})

describe('an outage', () => {
  test('is told in the status, by readiness, in one line, and as a metric', async () => {
    refuse()
    for (let n = 0; n < 3; n++) await rig.provision()
    await rig.clock.advance(20_000)
    expect(await status()).toMatchObject({
      status: 'degraded',
      provisioning: {
        can_provision: false,
        blocked_reason: 'Storage not writable',
        blocked_reason_details: { code: 'storage_unavailable', recovery_eta_seconds: 6 },
      },
      warnings: [{ code: 'storage_unavailable', remedy: expect.stringContaining('DB_URL') }],
    })
    const ready = await rig.request('GET', '/readyz')
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('another process holds its lock'),
    })
    expect(lines('the database takes no writes')).toHaveLength(1)
    const seen = new Exposition(await (await rig.request('GET', '/metrics')).text())
    expect(seen.of('roundhouse_storage_writable')).toBe(0)
    expect(seen.of('roundhouse_warning{code="storage_unavailable"}')).toBe(1)
  })

  test('ends by itself, and that is told once', async () => {
    refuse()
    await rig.provision()
    await rig.clock.advance(5_000)
    await accept()
    expect(await status()).toMatchObject({
      status: 'healthy',
      warnings: [],
      provisioning: { can_provision: true },
    })
    expect(await rig.json('GET', '/readyz')).toEqual({ status: 'ready', reason: null })
    expect(lines('takes writes again')).toHaveLength(1)
    expect(kinds()).toContain('storage.recovered')
    expect((await rig.provision()).status).toBe(200)
  })

  test('is followed by a look at everything, for what was seen and could not be written', async () => {
    refuse()
    await rig.play(19_000, 'one')
    const before = lines('reindex: full pass').length
    await accept()
    expect(lines('reindex: full pass')).toHaveLength(before + 1)
  })

  test('freezes the plans: a container that goes is hidden at once, and replaced afterwards', async () => {
    refuse()
    await rig.play(19_000)
    const [engine] = running()
    rig.runtime.kill(engine?.id ?? '')
    await rig.clock.advance(30_000)
    expect(await listed()).toEqual([])
    expect(running()).toEqual([])
    const { waits } = await rig.json<{ waits: string[] }>('GET', '/orchestrator/plan')
    expect(waits).toEqual([expect.stringContaining('the database takes no writes')])
    await accept()
    await rig.clock.advance(5_000)
    expect(running()).toHaveLength(1)
    expect(kinds()).toContain('engine.failed')
  })

  test('removes no stray and takes nobody over; the pass afterwards does', async () => {
    refuse()
    await rig.provision()
    const { labels, image } = running()[0] ?? { labels: {}, image: '' }
    await rig.runtime.create({
      ...{ name: 'copy', image, labels, env: {}, ports: [], publishAddress: '', network: null },
      ...{ memoryBytes: null, cpus: null },
    })
    await rig.clock.advance(120_000)
    expect(rig.runtime.containers().map(({ name }) => name)).toContain('copy')
    await accept()
    await rig.clock.advance(120_000)
    expect(rig.runtime.containers().map(({ name }) => name)).not.toContain('copy')
  })

  test('at the start: what is known is served, and all is found when it ends', async () => {
    refuse()
    await rig.provision()
    rig.temp.reopen()
    await rig.restart()
    expect(await listed()).toHaveLength(1)
    expect((await rig.provision()).status).toBe(503)
    await accept()
    expect(await rig.json('GET', '/readyz')).toEqual({ status: 'ready', reason: null })
    expect((await rig.provision()).status).toBe(200)
  })
})
