import { afterEach, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { liveEngines } from '../../../src/store/engines.ts'
import { releaseLeases } from '../../../src/store/leases.ts'
import { engines } from '../../../src/store/schema.ts'
import { Rig } from '../../support/rig.ts'

/* The summary of a start once all engines were found. */

let rig: Rig
afterEach(() => rig.dispose())

/** The summaries so far, each as its sentence and its members. */
const summaries = () =>
  rig.logged
    .filter((line) => line.startsWith('ready: '))
    .map((line) => {
      const [, sentence = '', members = '{}'] = /^(.*?) (\{.*)$/.exec(line) ?? []
      return { sentence, ...(JSON.parse(members) as Record<string, unknown>) }
    })

test('a start is summed up once, with what there is', async () => {
  rig = await new Rig().start()
  await rig.clock.advance(1_000)
  await rig.provision()
  await rig.play(19_000)
  await rig.restart()
  await rig.clock.advance(30_000)
  const always = {
    docker: '20.10.24',
    image: { name: 'engine:1', recipe: 'variables', state: 'present' },
    ...{ vpn: [], warnings: [], advice: [], adopted: 0, gone: 0, outdated: 0, open: 0 },
  }
  expect(summaries()).toEqual([
    {
      sentence: 'ready: 0 engines, 0 streams, nothing to be warned of',
      ...always,
      ...{ engines: 0, kept: 0, streams: 0 },
    },
    {
      sentence: 'ready: 1 engine, 1 stream, nothing to be warned of',
      ...always,
      ...{ engines: 1, kept: 1, streams: 1 },
    },
  ])
})

test('engines of before, found ones and lost ones are told apart', async () => {
  rig = await new Rig().start()
  for (const _ of [1, 2, 3]) await rig.provision()
  await rig.during(rig.orchestrator.stop())
  const { store } = rig.temp
  const [first, second] = liveEngines(store.db)
  await rig.during(rig.runtime.destroy(first?.containerId ?? ''))
  store.transact((tx) => {
    releaseLeases(tx, second?.id ?? '')
    tx.delete(engines)
      .where(eq(engines.id, second?.id ?? ''))
      .run()
  })
  await rig.restart()
  await rig.clock.advance(10_000)
  expect(summaries().at(-1)).toMatchObject({ engines: 2, kept: 1, adopted: 1, gone: 1 })
})

test('engines of before that listen on all addresses are counted, until they are replaced', async () => {
  rig = await new Rig({ PUBLISH_ADDRESS: '0.0.0.0' }).start()
  for (const _ of [1, 2]) await rig.provision()
  await rig.play(19_000)
  await rig.restart({ PUBLISH_ADDRESS: '' })
  await rig.clock.advance(10_000)
  expect(summaries().at(-1)).toMatchObject({
    ...{ engines: 2, open: 2, outdated: 2 },
    sentence: expect.stringContaining('2 of them open on all addresses of the host'),
  })
  const publishedOn = (name: string) => {
    const container = rig.runtime.containers().find((each) => each.name === name)
    return rig.runtime.specOf(container?.id ?? '')?.publishAddress
  }
  await rig.provision()
  expect([publishedOn('acestream-1'), publishedOn('acestream-3')]).toEqual(['0.0.0.0', '127.0.0.1'])
})

test('what is wrong at the start is named, with what to do', async () => {
  rig = await new Rig().start()
  await rig.provision()
  await rig.restart({ GLUETUN_CONTAINER_NAME: 'gluetun', VPN_STRICT: 'false' })
  await rig.clock.advance(4_000)
  // The node may still become known.
  expect(summaries()).toEqual([])
  await rig.clock.advance(5_000)
  const told = summaries().at(-1)
  expect(told?.sentence).toBe(
    'ready: 1 engine, 1 of them made from another image or by other settings and renewed when idle, 0 streams, ' +
      'warnings: engines_outside_vpn',
  )
  expect(told).toMatchObject({
    vpn: [{ name: 'gluetun', state: 'unknown', control: 'gluetun' }],
    advice: [expect.stringContaining('. Remedy: ')],
  })
})

test('a Docker that does not say its version holds nothing up', async () => {
  rig = new Rig()
  rig.runtime.host = () => Promise.reject(new RuntimeFailure('unreachable', 'no answer'))
  await rig.start()
  await rig.clock.advance(1_000)
  expect(summaries()).toMatchObject([{ docker: null }])
})
