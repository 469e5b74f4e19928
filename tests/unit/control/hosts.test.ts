import { afterEach, describe, expect, test } from 'bun:test'
import { HOST_GRACE_MS } from '../../../src/core/hosts/host-state.ts'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { newestStream } from '../../../src/store/streams.ts'
import { SwarmRig } from '../../support/rig-swarm.ts'

/* What happens to the engines of a host of a swarm that is lost or drained. */

let rig: SwarmRig
afterEach(() => rig.dispose())

/** Starts with one engine on the host south. */
async function engineOnSouth(): Promise<{ id: string; port: number }> {
  rig = new SwarmRig({ SWARM_POST_NODE: 'south', MIN_REPLICAS: '0', MIN_FREE_REPLICAS: '0' }, [
    'north',
    'south',
  ])
  await rig.start()
  const answer = await rig.provision()
  expect(answer.status).toBe(200)
  const given = (await answer.json()) as { container_id: string; host_http_port: number }
  return { id: given.container_id, port: given.host_http_port }
}

describe('an engine whose host is lost', () => {
  test('is being removed before its container is gone, and its streams have ended', async () => {
    const { id, port } = await engineOnSouth()
    await rig.play(port)
    rig.runtime.faults.always('destroy', { kind: 'lose_question' })
    rig.runtime.loseHost('id-of-south', { containers: 'end' })
    rig.runtime.noticeLoss('id-of-south')
    await rig.clock.advance(HOST_GRACE_MS + 6_000)
    const [engine] = liveEngines(rig.temp.store.db)
    expect(engine).toMatchObject({
      containerId: id,
      status: 'draining',
      reason: 'its host south does not answer the swarm',
    })
    expect(newestStream(rig.temp.store.db, 'key|session')).toMatchObject({
      status: 'ended',
      endReason: 'host_lost',
    })
  })
})

test('the streams of a drained host end for that reason, and its engine is removed', async () => {
  const { id, port } = await engineOnSouth()
  await rig.play(port)
  rig.runtime.pace.drainMs = () => 1_000
  rig.runtime.setAvailability('id-of-south', 'drain')
  await rig.clock.advance(500)
  expect(newestStream(rig.temp.store.db, 'key|session')).toMatchObject({ status: 'started' })
  await rig.clock.advance(3_000)
  expect(newestStream(rig.temp.store.db, 'key|session')).toMatchObject({
    status: 'ended',
    endReason: 'host_drained',
  })
  expect(liveEngines(rig.temp.store.db)).toEqual([])
  expect(rig.runtime.specOf(id)).toBeUndefined()
})

describe('while nobody has seen the hosts yet', () => {
  const code = async (response: Promise<Response>) =>
    ((await (await response).json()) as { code: string }).code

  /** Starts without an answer to the question for the hosts. */
  async function startBlind(): Promise<void> {
    rig = new SwarmRig({ MIN_REPLICAS: '0', MIN_FREE_REPLICAS: '0' }, ['north'])
    const failure = new RuntimeFailure('unreachable', 'No.')
    rig.runtime.faults.always('hosts', { kind: 'fail_before', failure })
    await rig.start()
  }

  test('a POST is refused as the status says, and served once they are known', async () => {
    await startBlind()
    const status = await rig.json<{ provisioning: object }>('GET', '/orchestrator/status')
    expect(status.provisioning).toMatchObject({
      can_provision: false,
      blocked_reason: 'No node takes an engine',
    })
    expect(await code(rig.provision())).toBe('no_host')
    rig.runtime.faults.always('hosts', null)
    await rig.clock.advance(6_000)
    expect((await rig.provision()).status).toBe(200)
  })

  test('no traffic is sent to it', async () => {
    await startBlind()
    await rig.clock.advance(1_000)
    const blind = await rig.request('GET', '/readyz')
    expect([blind.status, await blind.json()]).toEqual([
      503,
      { status: 'not_ready', reason: 'the nodes of the swarm are being looked for' },
    ])
    rig.runtime.faults.always('hosts', null)
    await rig.clock.advance(6_000)
    expect((await rig.request('GET', '/readyz')).status).toBe(200)
  })

  test('a manager that does not answer is the reason', async () => {
    await startBlind()
    rig.runtime.goDown()
    await rig.clock.advance(20_000)
    expect(await code(rig.provision())).toBe('runtime_unavailable')
  })
})

test('an engine that was found counts as watched for six hours, since nothing tells of its traffic', async () => {
  await engineOnSouth()
  const { store } = rig.temp
  const [engine] = liveEngines(store.db)
  if (engine === undefined) throw new Error('there is no engine')
  const adoptedAt = rig.clock.now() - 6 * 3_600_000 + 60_000
  store.transact((tx) => updateEngine(tx, engine.id, { adoptedAt }))
  const isQuiet = () => newestJournal(store.db, 100).some(({ kind }) => kind === 'engine.quiet')
  await rig.clock.advance(30_000)
  expect(isQuiet()).toBe(false)
  await rig.clock.advance(60_000)
  expect(isQuiet()).toBe(true)
})

test('a caller is given no engine that starts elsewhere than where callers look for it', async () => {
  rig = new SwarmRig({ SWARM_POST_NODE: 'south', MIN_REPLICAS: '1', MIN_FREE_REPLICAS: '0' }, [
    'north',
    'south',
  ])
  await rig.start()
  await rig.clock.advance(3_000)
  const hosts = () => liveEngines(rig.temp.store.db).map(({ host }) => host?.name)
  expect(hosts()).toEqual(['north'])
  expect((await rig.provision()).status).toBe(200)
  expect(hosts()).toEqual(['north', 'south'])
})
