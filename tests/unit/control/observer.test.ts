import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { liveEngines } from '../../../src/store/engines.ts'
import { Hang } from '../../support/memory-faults.ts'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

const ENGINES = 8

let rig: Rig
beforeEach(async () => {
  rig = await new Rig().start()
  for (let number = 0; number < ENGINES; number++) expect((await rig.provision()).status).toBe(200)
})
afterEach(() => rig.dispose())

const containers = () => liveEngines(rig.temp.store.db).map(({ containerId }) => containerId ?? '')

/** Changes containers, so that each is inspected, and makes the inspections hang. */
async function hangLooksAt(ids: readonly string[]): Promise<Hang> {
  const hang = new Hang()
  rig.runtime.faults.always('inspect', { kind: 'hang', hang })
  for (const id of ids) rig.runtime.pause(id)
  await settled()
  rig.runtime.faults.clear()
  return hang
}

/** Whether the promise is fulfilled without time passing. */
async function isDone(answer: Promise<unknown>): Promise<boolean> {
  let isDone = false
  void answer.then(() => {
    isDone = true
  })
  await settled()
  return isDone
}

describe('looks and full passes', () => {
  test('a full pass does not wait behind looks that hang', async () => {
    const hang = await hangLooksAt(containers())
    expect(await isDone(rig.request('POST', '/gc'))).toBe(true)
    hang.release()
  })

  test('a full pass looks at several containers at a time', async () => {
    const LOOK_MS = 100
    rig.runtime.latencyMs = (verb) => (verb === 'inspect' ? LOOK_MS : 0)
    const beganMs = rig.clock.now()
    expect((await rig.during(rig.request('POST', '/gc'))).status).toBe(200)
    expect(rig.clock.now() - beganMs).toBeLessThan((ENGINES * LOOK_MS) / 2)
  })

  test('a look does not wait behind a full pass that hangs', async () => {
    const list = rig.runtime.faults.hang('list')
    const pass = rig.request('POST', '/gc')
    await list.reached
    const [last = '', ...others] = containers()
    const hang = await hangLooksAt(others)
    rig.runtime.pause(last)
    await settled()
    expect(liveEngines(rig.temp.store.db).find(({ containerId }) => containerId === last)).toMatchObject({
      containerState: 'paused',
    })
    list.release()
    hang.release()
    expect((await rig.during(pass)).status).toBe(200)
  })
})

test('a silent Docker is a warning with the reason and since when, said once, and ends with the first answer', async () => {
  interface Status {
    readonly warnings: readonly { readonly code: string; readonly message: string; readonly since: string }[]
  }
  const warned = async () => (await rig.json<Status>('GET', '/orchestrator/status')).warnings
  const lines = () => rig.logged.filter((line) => /^(no longer: )?Docker not reachable: /.test(line))
  expect(await warned()).toEqual([])
  rig.runtime.freeze()
  await rig.clock.advance(5_000)
  const begun = await warned()
  expect(begun).toMatchObject([{ code: 'docker_silent' }])
  expect(begun[0]?.message).toStartWith('Docker not reachable: ')
  await rig.clock.advance(30_000)
  expect(await warned()).toEqual(begun)
  expect(lines()).toHaveLength(1)
  rig.runtime.thaw()
  await rig.clock.advance(2_000)
  expect(await warned()).toEqual([])
  expect(lines()).toHaveLength(2)
})
