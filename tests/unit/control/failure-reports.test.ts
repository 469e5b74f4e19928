import { afterEach, describe, expect, test } from 'bun:test'
import { liveEngines } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { Rig } from '../../support/rig.ts'
import { listening } from '../../support/tcp-tables.ts'
import { settled } from '../../support/virtual-clock.ts'

/* An engine that never answers says why: what was asked, where it listens instead, and the end of its log. */

let rig: Rig
const start = async (env: Record<string, string> = {}): Promise<void> => {
  rig = await new Rig({ MIN_REPLICAS: '1', MAX_REPLICAS: '1', STARTUP_TIMEOUT_S: '60', ...env }).start()
  await rig.clock.advance(200)
}
afterEach(() => rig.dispose())

interface Warned {
  readonly code: string
  readonly message: string
  readonly remedy: string
}
const status = () =>
  rig.json<{
    readonly provisioning: {
      readonly last_failure: string | null
      readonly last_failure_reason: string | null
    }
    readonly warnings: readonly Warned[]
  }>('GET', '/orchestrator/status')
const silent = async () => (await status()).warnings.find(({ code }) => code === 'engine_silent')
const engine = () => {
  const [only] = liveEngines(rig.temp.store.db)
  if (only === undefined) throw new Error('no engine')
  return only
}
/** Reports what the health worker reports of an engine that is asked in vain. */
const asked = (probes: number): void => {
  const { id, containerStartedAt, hostHttpPort } = engine()
  const error = `127.0.0.1:${hostHttpPort}: connection refused`
  rig.health.tellBoot({ engineId: id, generation: containerStartedAt ?? 0, probes, error })
}
const listensAt = (...places: readonly string[]): void => {
  rig.runtime.commandOf = () => ({ exitCode: 0, output: listening(places) })
}

describe('an engine that listens elsewhere', () => {
  test('is told in the status and the log within seconds, with the remedy', async () => {
    await start()
    listensAt('127.0.0.1:6878', '127.0.0.1:62062', '0.0.0.0:8621')
    asked(30)
    await rig.clock.advance(10_000)
    expect(await silent()).toEqual(
      expect.objectContaining({
        message:
          `acestream-1 (image engine:1) does not answer since its start: it was asked 30 times, the last time ` +
          `127.0.0.1:19000: connection refused; nothing listens on its port 19000, it listens on 127.0.0.1:6878`,
        remedy: expect.stringContaining('set ENGINE_CMD with --http-port={http_port}'),
      }),
    )
    expect(rig.logged.some((line) => line.includes('ENGINE_CMD') && line.includes('127.0.0.1:6878'))).toBe(
      true,
    )
  })

  test('fails with that reason, in the journal, the log and the last failure, with the end of its log', async () => {
    await start()
    listensAt('127.0.0.1:6878')
    rig.runtime.write(engine().containerId ?? '', 'starting --access-token=sesame\nready on 6878\n')
    const { id } = engine()
    await rig.clock.advance(62_000)
    const failed = newestJournal(rig.temp.store.db, 20).find(
      ({ kind, engineId }) => kind === 'engine.failed' && engineId === id,
    )
    const reason = String(failed?.detail.reason)
    expect(failed?.detail).toMatchObject({
      rule: 'never_answered',
      log: ['starting --access-token=***', 'ready on 6878'],
    })
    expect(reason).toStartWith(
      'it gave no good answer in time after its start: it was asked at 127.0.0.1:19000',
    )
    expect(reason).toContain('it listens on 127.0.0.1:6878')
    expect((await status()).provisioning.last_failure_reason).toBe(reason)
    const line = rig.logged.find((each) => each.startsWith('engine failed: '))
    expect(line).toContain('ready on 6878')
    expect(line).not.toContain('sesame')
  })

  test('is told until another one answers', async () => {
    await start()
    listensAt('127.0.0.1:6878')
    await rig.clock.advance(63_000)
    expect(await silent()).toBeDefined()
    listensAt('0.0.0.0:19001')
    await rig.clock.advance(5_000)
    rig.health.report(engine().hostHttpPort, true, rig.clock.now())
    await settled()
    await rig.clock.advance(5_000)
    expect(await silent()).toBeUndefined()
  })
})

describe('an engine that may be booting', () => {
  test('is not told of before it has failed', async () => {
    await start()
    listensAt('127.0.0.1:62062')
    await rig.clock.advance(50_000)
    expect(await silent()).toBeUndefined()
    await rig.clock.advance(12_000)
    expect((await silent())?.message).toContain('nothing listens on its port 19000, nor on another one')
  })

  test('is not removed if it answers while it is being asked why it does not', async () => {
    await start()
    const { hostHttpPort, id } = engine()
    rig.runtime.latencyMs = (verb) => (verb === 'logs' ? 3_000 : 0)
    await rig.clock.advance(60_500)
    rig.health.report(hostHttpPort, true, rig.clock.now())
    await settled()
    await rig.clock.advance(10_000)
    expect(liveEngines(rig.temp.store.db)).toMatchObject([{ id, status: 'ready' }])
  })
})

test('an engine whose container crashes before it was ready leaves the end of its log', async () => {
  await start()
  const { containerId, id } = engine()
  rig.runtime.write(containerId ?? '', 'exec /entrypoint: exec format error\n')
  for (let crash = 0; crash < 5 && liveEngines(rig.temp.store.db).some((each) => each.id === id); crash++) {
    rig.runtime.crash(containerId ?? '', 1)
    await rig.clock.advance(3_000)
  }
  const failed = newestJournal(rig.temp.store.db, 20).find(
    ({ kind, engineId }) => kind === 'engine.failed' && engineId === id,
  )
  expect(failed?.detail).toMatchObject({ log: ['exec /entrypoint: exec format error'] })
  expect(String(failed?.detail.reason)).toContain('exec format error')
})
