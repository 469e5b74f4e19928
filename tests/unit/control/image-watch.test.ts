import { afterEach, describe, expect, test } from 'bun:test'
import { liveEngines } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { IMAGE, Rig } from '../../support/rig.ts'

/* The template's image is looked at: whether it is on this host, whether it fits, and whether its name stands for another. */

let rig: Rig
afterEach(() => rig.dispose())

interface Status {
  readonly provisioning: {
    readonly can_provision: boolean
    readonly blocked_reason: string | null
    readonly blocked_reason_details: { readonly code: string; readonly recovery_eta_seconds: number } | null
  }
  readonly image: {
    readonly state: string
    readonly pull: { readonly layers_done: number } | null
    readonly pull_error: string | null
  }
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}
const status = () => rig.json<Status>('GET', '/orchestrator/status')
const warned = async (code: string) => (await status()).warnings.find((each) => each.code === code)
const journalled = () =>
  newestJournal(rig.temp.store.db, 20)
    .filter(({ kind }) => kind.startsWith('image.'))
    .map(({ kind }) => kind)
    .toReversed()
const without = async (env: Record<string, string> = {}, prepare: (it: Rig) => void = () => undefined) => {
  rig = new Rig(env)
  rig.runtime.removeImage(IMAGE)
  prepare(rig)
  await rig.start()
  await rig.clock.advance(100)
}

describe('an image that is not on this host', () => {
  test('is said from the start on, in the status and by a POST, which begins nothing', async () => {
    await without()
    expect((await status()).provisioning).toMatchObject({
      can_provision: false,
      blocked_reason: 'Image not on this host',
      blocked_reason_details: { code: 'image_missing', recovery_eta_seconds: null },
    })
    const refused = await rig.provision()
    expect(refused.status).toBe(500)
    expect(await refused.json()).toMatchObject({
      code: 'image_missing',
      message: `Failed to provision engine: image ${IMAGE} is not on this Docker host; run: docker pull ${IMAGE}`,
    })
    expect(newestJournal(rig.temp.store.db, 5)).toEqual([])
    expect((await warned('image_missing'))?.remedy).toContain(`docker pull ${IMAGE}`)
  })

  test('is noticed within some seconds when somebody pulls it', async () => {
    await without({ MIN_REPLICAS: '1' })
    await rig.clock.advance(20_000)
    expect(rig.runtime.containers()).toEqual([])
    rig.runtime.addImage(IMAGE)
    await rig.clock.advance(3_000)
    expect(rig.runtime.containers()).toHaveLength(1)
    expect((await status()).provisioning.can_provision).toBe(true)
    expect(await warned('image_missing')).toBeUndefined()
  })

  test('shows at the next provision if it goes while we run, and not as a fault of the engine', async () => {
    rig = await new Rig().start()
    await rig.clock.advance(100)
    rig.runtime.removeImage(IMAGE)
    expect((await rig.provision()).status).toBe(500)
    expect((await status()).provisioning.blocked_reason).toBe('Image not on this host')
    rig.runtime.addImage(IMAGE)
    await rig.clock.advance(3_000)
    expect((await rig.provision()).status).toBe(200)
  })

  test('says nothing about another image that a request names', async () => {
    await without({ ALLOWED_IMAGES: 'other:1' }, ({ runtime }) => runtime.addImage('other:1'))
    expect((await rig.provision({}, { image: 'other:1' })).status).toBe(200)
  })
})

describe('PULL', () => {
  test('never gets no image', async () => {
    await without({ PULL: 'never' }, ({ runtime }) => runtime.offerImage(IMAGE))
    await rig.clock.advance(60_000)
    expect((await status()).provisioning.can_provision).toBe(false)
    expect(journalled()).toEqual([])
  })

  test('missing gets it in the background, tells how far it is, and POSTs wait', async () => {
    await without({ PULL: 'missing' }, ({ runtime }) => {
      runtime.offerImage(IMAGE)
      runtime.latencyMs = (verb) => (verb === 'pull' ? 40_000 : 0)
    })
    await rig.clock.advance(35_000)
    const refused = await rig.provision()
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([503, expect.any(Number)])
    expect(await refused.json()).toMatchObject({ code: 'image_pulling', detail: { should_wait: true } })
    expect((await warned('image_pulling'))?.message).toMatch(
      /is being pulled: \d of 4 layers, \d+ of 100 MB$/,
    )
    expect((await status()).image).toMatchObject({
      state: 'pulling',
      pull: { layers: 4, layers_done: 1, current_bytes: 25_000_000, total_bytes: 100_000_000 },
    })
    await rig.clock.advance(60_000)
    expect((await status()).image).toEqual({ state: 'present', pull_error: null, pull: null })
    expect(journalled()).toEqual(['image.pulling', 'image.pulled'])
    expect(await warned('image_pulling')).toBeUndefined()
    expect((await rig.provision()).status).toBe(200)
  })

  test('tells how far it is once a second at most', async () => {
    await without({ PULL: 'missing' }, ({ runtime }) => {
      runtime.offerImage(IMAGE)
      // It comes in four parts of half a second each.
      runtime.pullMs = () => 2_000
    })
    const told = new Set<number | undefined>()
    for (let step = 0; step < 25; step++) {
      told.add((await status()).image.pull?.layers_done)
      await rig.clock.advance(100)
    }
    expect([...told]).toEqual([0, 1, 3, undefined])
  })

  test('missing answers the very first request so, before anybody has looked', async () => {
    rig = new Rig({ PULL: 'missing' })
    rig.runtime.removeImage(IMAGE)
    rig.runtime.offerImage(IMAGE)
    rig.runtime.latencyMs = (verb) => (verb === 'image' ? 1_000 : 0)
    await rig.start()
    for (const _ of [1, 2]) {
      const refused = await rig.provision()
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
        503,
        'image_pulling',
      ])
    }
  })

  test('always warns of a pull that failed, though engines start from the image that is here', async () => {
    rig = await new Rig({ PULL: 'always' }).start()
    await rig.clock.advance(5_000)
    expect((await warned('image_pull_failed'))?.message).toContain('No registry has the image')
    expect((await rig.provision()).status).toBe(200)
    rig.runtime.offerImage(IMAGE)
    await rig.clock.advance(150_000)
    expect(await warned('image_pull_failed')).toBeUndefined()
  })

  test('missing leaves an image alone that is here', async () => {
    rig = new Rig({ PULL: 'missing' })
    rig.runtime.offerImage(IMAGE, { facts: { id: `sha256:${'b'.repeat(64)}` } })
    await rig.start()
    await rig.clock.advance(120_000)
    expect(journalled()).toEqual([])
  })

  test('always looks for a newer one once at the start, and engines start from the one that is here', async () => {
    rig = new Rig({ PULL: 'always' })
    rig.runtime.offerImage(IMAGE, { facts: { id: `sha256:${'b'.repeat(64)}` } })
    rig.runtime.latencyMs = (verb) => (verb === 'pull' ? 40_000 : 0)
    await rig.start()
    await rig.clock.advance(1_000)
    expect((await rig.provision()).status).toBe(200)
    await rig.clock.advance(300_000)
    expect(journalled()).toEqual(['image.pulling', 'image.pulled'])
  })

  test('missing tries a failed pull again, later each time, and says why it failed', async () => {
    await without({ PULL: 'missing' })
    await rig.clock.advance(10_000)
    expect(journalled()).toEqual(['image.pulling', 'image.pull_failed'])
    expect((await warned('image_missing'))?.message).toContain(
      'it could not be pulled: No registry has the image',
    )
    expect((await status()).provisioning.blocked_reason_details?.code).toBe('image_missing')
    rig.runtime.offerImage(IMAGE)
    await rig.clock.advance(150_000)
    expect(journalled().at(-1)).toBe('image.pulled')
    expect(await warned('image_missing')).toBeUndefined()
  })
})

describe('a name that leads to another image', () => {
  test('renews idle engines, one after another, and leaves one with a viewer alone', async () => {
    rig = await new Rig({ MIN_REPLICAS: '3', MAX_REPLICAS: '4', DRAIN_HIDE_S: '1' }).start()
    const answerAll = (): void => {
      for (const { status, hostHttpPort } of liveEngines(rig.temp.store.db))
        if (status === 'starting') rig.health.report(hostHttpPort, true, rig.clock.now())
    }
    for (let second = 0; second < 10; second++) {
      answerAll()
      await rig.clock.advance(1_000)
    }
    const before = liveEngines(rig.temp.store.db)
    expect(before).toHaveLength(3)
    const [watched] = before
    await rig.play(watched?.hostHttpPort ?? 0)
    rig.runtime.addImage(IMAGE, { id: `sha256:${'b'.repeat(64)}` })
    let most = 0
    for (let second = 0; second < 400; second++) {
      answerAll()
      for (const { hostHttpPort, status } of liveEngines(rig.temp.store.db))
        if (status === 'ready' && second % 10 === 0) rig.health.report(hostHttpPort, true, rig.clock.now())
      await rig.clock.advance(1_000)
      most = Math.max(most, liveEngines(rig.temp.store.db).length)
    }
    const after = liveEngines(rig.temp.store.db)
    const ids = before.map(({ id }) => id)
    expect(after.filter(({ id }) => ids.includes(id)).map(({ id }) => id)).toEqual([watched?.id ?? ''])
    expect(after.filter(({ imageId }) => imageId?.startsWith('sha256:bbb'))).toHaveLength(2)
    expect(most).toBe(4)
  })
})

test('an engine that is newer than the last look at the image is not outdated by it', async () => {
  rig = await new Rig({ MIN_REPLICAS: '0' }).start()
  await rig.clock.advance(2_000)
  rig.runtime.addImage(IMAGE, { id: `sha256:${'b'.repeat(64)}` })
  const { host_http_port: port } = (await (await rig.provision()).json()) as { host_http_port: number }
  rig.health.report(port, true, rig.clock.now())
  await rig.clock.advance(20_000)
  expect(liveEngines(rig.temp.store.db)).toMatchObject([{ name: 'acestream-1', status: 'ready' }])
  expect(liveEngines(rig.temp.store.db)[0]?.imageId).toStartWith('sha256:bbb')
})

describe('an image for another kind of machine', () => {
  test('is said before the first start', async () => {
    await without({}, ({ runtime }) => runtime.addImage(IMAGE, { architecture: 'arm64' }))
    expect(await warned('image_platform')).toMatchObject({
      message: `the image ${IMAGE} is made for linux/arm64, and this Docker host is linux/amd64: its engines will not start`,
      remedy: expect.stringContaining('TARGET_IMAGE'),
    })
  })

  test('is not said of the right one', async () => {
    rig = await new Rig().start()
    await rig.clock.advance(100)
    expect((await status()).warnings).toEqual([])
  })
})
