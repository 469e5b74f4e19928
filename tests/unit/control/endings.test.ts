import { afterEach, describe, expect, test } from 'bun:test'
import { closedBreaker } from '../../../src/core/provisioning/breaker.ts'
import type { Engine } from '../../../src/core/types.ts'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { breakerNamed, saveBreaker } from '../../../src/store/breakers.ts'
import { engineById, insertEngine, liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { bindKey, idempotencyRecord } from '../../../src/store/idempotency.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { leasesIn, releaseLeases, takeLease } from '../../../src/store/leases.ts'
import type { Db } from '../../../src/store/store.ts'
import { insertStream, streamsWhere } from '../../../src/store/streams.ts'
import { engine as row, stream } from '../../support/builders.ts'
import type { Hang } from '../../support/memory-faults.ts'
import { IMAGE, Rig } from '../../support/rig.ts'
import { type RigNode, startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

let rig: Rig
let node: RigNode
afterEach(() => rig.dispose())

const start = async (env: Record<string, string> = {}): Promise<void> => {
  rig = await new Rig(env).start()
}
const startBehind = async (env: Record<string, string> = {}): Promise<void> => {
  const started = await startBehindVpn(['gluetun'], env)
  rig = started.rig
  node = started.nodes[0] as RigNode
}

const db = (): Db => rig.temp.store.db
const keyed = (key: string) => ({ headers: { 'idempotency-key': key } })
const refused = { kind: 'fail_before', failure: new RuntimeFailure('unrunnable', 'no') } as const
const other = { labels: { another: 'body' } }

/** The only live engine. */
function only(): Engine {
  const [engine, ...others] = liveEngines(db())
  if (engine === undefined || others.length > 0) throw new Error('not one engine')
  return engine
}

/** Gives an engine everything that an end must clear away, whether or not it could have it at this moment of its life. */
function burden({ id: engineId }: Engine): void {
  rig.temp.store.transact((tx) => {
    insertStream(tx, stream({ engineId }))
    saveBreaker(tx, 'general', { ...closedBreaker, state: 'half_open', trialEngineId: engineId })
    updateEngine(tx, engineId, { unclaimedSince: rig.clock.now(), claimKey: 'key' })
    bindKey(tx, { key: 'key', requestHash: 'hash', engineId }, rig.clock.now())
  })
}

/** Waits until a call hangs, burdens the engine, and lets the call continue. */
async function burdenDuring(hang: Hang, meanwhile: () => void = () => undefined): Promise<Engine> {
  let isReached = false
  void hang.reached.then(() => {
    isReached = true
  })
  await settled()
  for (let step = 0; step < 300 && !isReached; step++) await rig.clock.advance(100)
  const engine = only()
  burden(engine)
  meanwhile()
  hang.release()
  await settled()
  return engine
}

async function provisioned(): Promise<Engine> {
  expect((await rig.provision()).status).toBe(200)
  await rig.clock.advance(1_000)
  return only()
}

const remove = ({ name }: Engine) => rig.request('DELETE', `/containers/${name}`)

/** Gives another engine the port of this one. */
function losePort({ id, scope, httpPort }: Engine): void {
  rig.temp.store.transact((tx) => {
    insertEngine(tx, row({ id: 'other', scope, vpnNode: scope, status: 'draining' }))
    releaseLeases(tx, id)
    takeLease(tx, { scope, port: httpPort, kind: 'http', engineId: 'other' }, rig.clock.now())
  })
}

interface End {
  readonly status: 'gone' | 'failed'
  readonly kind: string
  readonly streams: string
  /** The breaker afterwards: a failed trial opens it, any other trial frees its place. */
  readonly breaker: 'open' | 'half_open'
  /** Whether the idempotency key still stands for the engine. */
  readonly isKeyKept: boolean
}

const launchFailed = { status: 'failed', kind: 'provision.failed', streams: 'engine_failed' } as const
const gone = { status: 'gone', kind: 'engine.gone', streams: 'engine_gone', isKeyKept: true } as const
const failed = { status: 'failed', kind: 'engine.failed', streams: 'engine_failed', isKeyKept: true } as const

const ENDS: readonly (readonly [string, End, () => Promise<Engine>])[] = [
  [
    'whose start is refused',
    { ...launchFailed, breaker: 'open', isKeyKept: false },
    async () => {
      await start()
      const hang = rig.runtime.faults.hang('create')
      rig.runtime.faults.next('start', refused)
      const answer = rig.provision()
      const engine = await burdenDuring(hang)
      await answer
      return engine
    },
  ],
  [
    'whose container can’t be made',
    { ...launchFailed, breaker: 'half_open', isKeyKept: false },
    async () => {
      await start()
      const hang = rig.runtime.faults.hang('create')
      const answer = rig.provision()
      await hang.reached
      rig.runtime.removeImage(IMAGE)
      const engine = await burdenDuring(hang)
      await answer
      return engine
    },
  ],
  [
    'whose provision is undone',
    { ...launchFailed, breaker: 'half_open', isKeyKept: false },
    async () => {
      await start()
      rig.runtime.faults.next('create', { kind: 'lose_answer' })
      const hang = rig.runtime.faults.hang('discard')
      const answer = rig.provision()
      const engine = await burdenDuring(hang)
      await answer
      return engine
    },
  ],
  [
    'whose container was removed by somebody',
    { ...gone, breaker: 'half_open' },
    async () => {
      await start()
      const engine = await provisioned()
      burden(engine)
      rig.runtime.removeOutside(engine.containerId ?? '')
      await settled()
      return engine
    },
  ],
  [
    'that an operator deletes',
    { ...gone, breaker: 'half_open' },
    async () => {
      await start()
      const answer = remove(await provisioned())
      const engine = await burdenDuring(rig.runtime.faults.hang('destroy'))
      await answer
      return engine
    },
  ],
  [
    'whose removal is finished by a later look',
    { ...gone, breaker: 'half_open' },
    async () => {
      await start()
      const made = await provisioned()
      rig.runtime.faults.next('destroy', { kind: 'lose_question' })
      const hang = rig.runtime.faults.hang('destroy')
      expect((await rig.during(remove(made))).status).toBe(503)
      return burdenDuring(hang)
    },
  ],
  [
    'that is deleted while nobody knows how its launch ended',
    { ...gone, streams: 'engine_deleted', breaker: 'half_open', isKeyKept: false },
    async () => {
      await start()
      rig.runtime.freeze()
      await rig.provision()
      await rig.clock.advance(12_000)
      const engine = only()
      burden(engine)
      await rig.during(remove(engine))
      return engine
    },
  ],
  [
    'that exits before it was ever ready',
    { ...failed, breaker: 'open' },
    async () => {
      await start()
      rig.runtime.kill((await provisioned()).containerId ?? '')
      return burdenDuring(rig.runtime.faults.hang('discard'))
    },
  ],
  [
    'that exits after it was ready',
    { ...failed, breaker: 'half_open' },
    async () => {
      await start()
      const { containerId, hostHttpPort } = await provisioned()
      rig.health.report(hostHttpPort, true, rig.clock.now())
      rig.runtime.kill(containerId ?? '')
      return burdenDuring(rig.runtime.faults.hang('discard'))
    },
  ],
  [
    'that can’t be started again after an outage',
    { ...failed, breaker: 'half_open' },
    async () => {
      await start()
      const { containerId } = await provisioned()
      await rig.orchestrator.stop()
      rig.runtime.kill(containerId ?? '')
      rig.runtime.faults.next('start', refused)
      const hang = rig.runtime.faults.hang('discard')
      await rig.restart()
      return burdenDuring(hang)
    },
  ],
  [
    'that finds no port when it is made anew',
    { ...launchFailed, streams: 'vpn_lost', breaker: 'half_open', isKeyKept: false },
    async () => {
      await startBehind({ GLUETUN_PORT_RANGE: '19000-19000' })
      const engine = await provisioned()
      await node.recreate()
      node.report()
      await rig.clock.advance(4_000)
      const hang = rig.runtime.faults.hang('destroy')
      node.report()
      await burdenDuring(hang, () => losePort(engine))
      return engine
    },
  ],
]

/** What the database has of an engine and its burden. */
function remains(id: string) {
  const { status, reason, endedAt, containerState, unclaimedSince, claimKey } = engineById(db(), id) ?? row()
  const { state, trialEngineId } = breakerNamed(db(), 'general')
  const entries = newestJournal(db(), 20).filter(({ engineId }) => engineId === id)
  const ends = entries.filter(({ kind }) => /^engine.gone$|failed$/.test(kind))
  return {
    row: { status, containerState, unclaimedSince, claimKey },
    isTold: endedAt !== null && reason !== null,
    leases: leasesIn(db()).filter(({ engineId }) => engineId === id),
    streams: streamsWhere(db(), {}).map(({ endReason }) => endReason),
    streamEnds: entries.filter(({ kind }) => kind === 'stream.ended').length,
    breaker: { state, trialEngineId },
    key: idempotencyRecord(db(), 'key')?.engineId,
    journal: ends.map(({ kind }) => kind),
  }
}

describe('nothing is left of an engine', () => {
  test.each(ENDS)('%s', async (_, end, bring) => {
    const { id } = await bring()
    const marks = { containerState: null, unclaimedSince: null, claimKey: null }
    expect(remains(id)).toEqual({
      row: { status: end.status, ...marks },
      isTold: true,
      leases: [],
      streams: [end.streams],
      streamEnds: 1,
      breaker: { state: end.breaker, trialEngineId: null },
      key: end.isKeyKept ? id : undefined,
      journal: [end.kind],
    })
  })
})

test('the trial that finds no port when it is made anew lets another one through', async () => {
  const breaker = { CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '10' }
  await startBehind({ ...breaker, GLUETUN_PORT_RANGE: '19000-19000' })
  rig.runtime.faults.next('start', refused)
  expect((await rig.provision()).status).toBe(500)
  await rig.clock.advance(10_000)
  node.report()
  const { id } = await provisioned()
  const trial = () => rig.json('GET', '/orchestrator/status')
  expect(await trial()).toMatchObject({ provisioning: { blocked_reason: 'Circuit breaker is open' } })
  await node.recreate()
  const hang = rig.runtime.faults.hang('destroy')
  node.report()
  await rig.clock.advance(5_000)
  node.report()
  await hang.reached
  losePort(only())
  hang.release()
  await settled()
  expect(engineById(db(), id)).toMatchObject({ status: 'failed' })
  // The engine that has the port is gone after the next full pass.
  await rig.clock.advance(10_000)
  node.report()
  expect((await rig.provision()).status).toBe(200)
})

test('the trial that an operator deletes lets another one through, also when it can’t be removed', async () => {
  await start({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '10' })
  rig.runtime.faults.next('start', refused)
  expect((await rig.provision()).status).toBe(500)
  await rig.clock.advance(10_000)
  const trial = await provisioned()
  rig.runtime.faults.always('destroy', refused)
  expect((await rig.during(remove(trial))).status).toBe(500)
  expect((await rig.provision()).status).toBe(200)
})

test('a key is free for another body after its provision was undone', async () => {
  await start()
  rig.runtime.faults.next('create', { kind: 'lose_answer' })
  expect((await rig.provision(keyed('key'))).status).toBe(503)
  await rig.clock.advance(1_000)
  expect(liveEngines(db())).toEqual([])
  expect((await rig.provision(keyed('key'), other)).status).toBe(200)
})

test('a key is free for another body after its engine was deleted while it was started', async () => {
  await start()
  const hang = rig.runtime.faults.hang('start')
  const answer = rig.provision(keyed('key'))
  await hang.reached
  const deletion = remove(only())
  hang.release()
  expect((await answer).status).toBe(500)
  expect((await rig.during(deletion)).status).toBe(200)
  expect((await rig.provision(keyed('key'), other)).status).toBe(200)
})

test('an engine that was ready, is made anew and can’t be started is no fault of its kind', async () => {
  await startBehind({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1' })
  const { hostHttpPort } = await provisioned()
  rig.health.report(hostHttpPort, true, rig.clock.now())
  await node.recreate()
  rig.runtime.faults.next('start', refused)
  node.report()
  await rig.clock.advance(5_000)
  node.report()
  await rig.clock.advance(1_000)
  expect(newestJournal(db(), 1)).toMatchObject([{ kind: 'provision.failed' }])
  expect(breakerNamed(db(), 'general')).toMatchObject({ state: 'closed', failures: 0 })
})
