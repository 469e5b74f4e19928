import { afterEach, describe, expect, test } from 'bun:test'
import { setScaleOrder } from '../../../src/store/fleet-orders.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { Rig } from '../../support/rig.ts'

/* An order about the number of engines is told for as long as it overrides MIN_REPLICAS, and can be undone. */

let rig: Rig
afterEach(() => rig.dispose())

const start = async (env: Record<string, string> = {}): Promise<void> => {
  rig = await new Rig({ MIN_REPLICAS: '2', MAX_REPLICAS: '4', DRAIN_HIDE_S: '5', ...env }).start()
}

interface Status {
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
  readonly capacity: { readonly min_replicas: number }
}

interface Plan {
  readonly wanted: number
  readonly override: unknown
}

const status = () => rig.json<Status>('GET', '/orchestrator/status')
const warned = async () => (await status()).warnings.filter(({ code }) => code === 'scale_overrides')
const plan = () => rig.json<Plan>('GET', '/orchestrator/plan')
const undo = () => rig.json<unknown>('DELETE', '/scale')
const orders = () =>
  newestJournal(rig.temp.store.db, 100).filter(({ kind }) => kind.startsWith('fleet.scale'))

/** The words for an order at the present time. */
const words = (n: number): string => {
  const [day, time] = new Date(rig.clock.now()).toISOString().split('T')
  return `MIN_REPLICAS=2, overridden by /scale/${n} on ${day} ${time?.slice(0, 5)} UTC`
}

describe('an order that overrides MIN_REPLICAS', () => {
  test.each([
    [0, 'no engine is kept that nobody needs'],
    [1, '1 engine is kept'],
    [4, '4 engines are kept'],
  ])('/scale/%d is told in status and plan, also after a restart, and at start', async (n, kept) => {
    await start()
    const told = words(n)
    const at = new Date(rig.clock.now()).toISOString()
    await rig.json('POST', `/scale/${n}`)
    for (const _ of ['now', 'after a restart', 'after another']) {
      await rig.clock.advance(70_000)
      expect(await warned()).toMatchObject([
        {
          message: `${told}: ${kept}, also after restarts`,
          remedy: `undo the order (DELETE /scale), or set MIN_REPLICAS=${n} if it is to stay`,
        },
      ])
      expect((await plan()).override).toEqual({ min_replicas: 2, scaled_to: n, at, message: told })
      await rig.restart()
    }
    await rig.clock.advance(10_000)
    const ready = rig.logged.filter((line) => line.startsWith('ready: '))
    expect(ready).toHaveLength(4)
    for (const line of ready.slice(1)) {
      expect(line).toContain('warnings: scale_overrides')
      expect(line).toContain(`"advice":["${told}: `)
    }
  })

  test('is told where the order is above MAX_REPLICAS as what it came to', async () => {
    await start()
    const told = words(4)
    await rig.json('POST', '/scale/9')
    await rig.clock.advance(1_000)
    expect(await warned()).toMatchObject([{ message: expect.stringContaining(told) }])
    await rig.restart({ MAX_REPLICAS: '3' })
    await rig.clock.advance(1_000)
    expect(await warned()).toMatchObject([
      {
        message: expect.stringContaining('3 engines are kept'),
        remedy: expect.stringContaining('MIN_REPLICAS=3'),
      },
    ])
  })
})

describe('an order that changes nothing', () => {
  test('is not told where it is the number of the settings', async () => {
    await start()
    await rig.json('POST', '/scale/2')
    await rig.clock.advance(1_000)
    expect([await warned(), (await plan()).override]).toEqual([[], null])
  })

  test('is not told where MAX_REPLICAS cuts it to that number', async () => {
    await start()
    await rig.json('POST', '/scale/4')
    await rig.restart({ MAX_REPLICAS: '2' })
    await rig.clock.advance(10_000)
    expect([await warned(), (await plan()).override]).toEqual([[], null])
  })
})

describe('DELETE /scale', () => {
  test('lets MIN_REPLICAS hold again, and the warning end', async () => {
    await start()
    await rig.json('POST', '/scale/0')
    await rig.clock.advance(60_000)
    expect(rig.runtime.containers()).toHaveLength(0)
    expect(await warned()).toHaveLength(1)
    expect(await undo()).toEqual({ updated: true, min_replicas: 2 })
    expect(await warned()).toEqual([])
    expect(await plan()).toMatchObject({ wanted: 2, override: null })
    await rig.clock.advance(10_000)
    expect(rig.runtime.containers()).toHaveLength(2)
    expect([await warned(), (await status()).capacity.min_replicas]).toEqual([[], 2])
    expect(rig.logged.filter((line) => line.startsWith('MIN_REPLICAS=2 holds again: '))).toHaveLength(1)
    await rig.restart()
    await rig.clock.advance(10_000)
    expect(await warned()).toEqual([])
  })

  test('is answered alike and changes nothing when there is nothing to undo', async () => {
    await start()
    expect(await undo()).toEqual({ updated: false, min_replicas: 2 })
    await rig.json('POST', '/scale/1')
    await undo()
    for (const _ of [1, 2]) expect(await undo()).toEqual({ updated: false, min_replicas: 2 })
    expect(orders().map(({ kind, detail }) => [kind, detail])).toEqual([
      ['fleet.scale_undone', { replicas: 2, reason: 'an operator undid the order' }],
      ['fleet.scaled', { requested: 1, replicas: 1 }],
    ])
  })

  test('needs the key', async () => {
    await start({ API_KEY: 'right' })
    await rig.request('POST', '/scale/0', undefined, { headers: { authorization: 'Bearer right' } })
    expect((await rig.request('DELETE', '/scale')).status).toBe(401)
    expect(orders().map(({ kind }) => kind)).toEqual(['fleet.scaled'])
  })
})

test('an order that was given under another MIN_REPLICAS is void, also while it can’t be removed', async () => {
  await start()
  rig.temp.store.transact((tx) => setScaleOrder(tx, { replicas: 0, minReplicas: 3, atMs: rig.clock.now() }))
  await rig.clock.advance(10_000)
  expect([await warned(), (await plan()).wanted]).toEqual([[], 2])
})

test('an order ends with MIN_REPLICAS, and does not come back with its former value', async () => {
  await start()
  await rig.json('POST', '/scale/0')
  await rig.restart({ MIN_REPLICAS: '3' })
  await rig.clock.advance(10_000)
  expect([await warned(), (await plan()).wanted]).toEqual([[], 3])
  await rig.restart({ MIN_REPLICAS: '2' })
  await rig.clock.advance(10_000)
  expect([await warned(), (await plan()).wanted]).toEqual([[], 2])
  expect(orders()[0]?.detail).toEqual({ replicas: 3, reason: 'MIN_REPLICAS was changed' })
})
