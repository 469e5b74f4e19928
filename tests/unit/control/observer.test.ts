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
