import { afterEach, describe, expect, test } from 'bun:test'
import { liveEngines } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { Exposition } from '../../support/exposition.ts'
import { Hang } from '../../support/memory-faults.ts'
import { Rig } from '../../support/rig.ts'
import { startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

let rig: Rig
afterEach(() => rig.dispose())

const journal = (kind: string) => newestJournal(rig.temp.store.db, 500).filter((entry) => entry.kind === kind)
const plans = async (): Promise<number> =>
  new Exposition(await (await rig.request('GET', '/metrics')).text()).of('roundhouse_reconcile_passes_total')

/** Lets time pass while every probed engine answers each second. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    const atMs = rig.clock.now()
    for (const { engineId, generation } of rig.health.targets)
      rig.health.tell({ engineId, generation, ok: true, atMs, error: null })
    await settled()
  }
}

describe('where commits are slow', () => {
  test.each([0, 30, 60, 400])(
    'with %i ms each, so many engines are begun as are wanted',
    async (commitMs) => {
      rig = new Rig({ MIN_REPLICAS: '5' })
      rig.commitMs = commitMs
      await rig.start()
      await pass(10)
      expect(journal('provision.started')).toHaveLength(5)
      expect(liveEngines(rig.temp.store.db)).toHaveLength(5)
    },
  )

  test('a plan rests from the end of the one before', async () => {
    rig = await new Rig().start()
    await pass(2)
    rig.commitMs = 400
    await rig.json('POST', '/scale/1')
    const before = await plans()
    await settled()
    expect(journal('provision.started')).toHaveLength(1)
    expect((await plans()) - before).toBe(1)
    await rig.clock.advance(100)
    expect((await plans()) - before).toBe(2)
  })
})

test('an event of a stream is answered before the plan that it asks for', async () => {
  rig = await new Rig({ MIN_REPLICAS: '1', MIN_FREE_REPLICAS: '1' }).start()
  await pass(5)
  await rig.play(19_000)
  expect(liveEngines(rig.temp.store.db)).toHaveLength(1)
  await settled()
  expect(liveEngines(rig.temp.store.db)).toHaveLength(2)
})

describe('while the container calls of repairs hang', () => {
  const startRepairs = async (): Promise<Hang> => {
    const env = { MIN_REPLICAS: '20', MAX_REPLICAS: '30', GLUETUN_PORT_RANGE: '19000-19039' }
    const behind = await startBehindVpn(['gluetun'], { ...env, MAX_CONCURRENT_PROVISIONS: '20' })
    const [node] = behind.nodes
    rig = behind.rig
    await pass(5)
    expect(liveEngines(rig.temp.store.db)).toHaveLength(20)
    const hang = new Hang()
    rig.runtime.faults.always('stop', { kind: 'hang', hang })
    await rig.runtime.restartOutside(node?.id ?? '')
    node?.report()
    for (let second = 0; second < 8; second++) {
      await rig.clock.advance(1_000)
      node?.report()
    }
    return hang
  }

  test('the next plan is made all the same', async () => {
    const hang = await startRepairs()
    expect(journal('engine.restarting')).toHaveLength(8)
    await rig.json('POST', '/scale/21')
    await rig.clock.advance(100)
    expect(journal('provision.started')).toHaveLength(21)
    hang.release()
  })

  test('a shutdown waits for those that run, and begins no other', async () => {
    const hang = await startRepairs()
    let hasStopped = false
    const stop = rig.orchestrator.stop().then(() => {
      hasStopped = true
    })
    await rig.clock.advance(1_000)
    expect(hasStopped).toBe(false)
    hang.release()
    await rig.during(stop)
    expect(journal('engine.restarting')).toHaveLength(8)
  })
})
