import { afterEach, describe, expect, test } from 'bun:test'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import type { Command } from '../../support/memory-container.ts'
import { IMAGE, LABEL, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

const PATH = '/home/appuser/.ACEStream/.acestream_cache'

interface Row {
  readonly container_id: string
  readonly port: number
  readonly last_cache_cleanup: string | null
  readonly cache_size_bytes: number | null
}

let rig: Rig
let asked: { readonly id: string; readonly path: string | undefined; readonly atMs: number }[]
afterEach(() => rig.dispose())

/** Starts one ready engine. Its commands return these answers in turn, and 12 KiB when none is left. */
async function start(answers: Command[] = [], env: Record<string, string> = {}): Promise<Row> {
  rig = await new Rig({ ENGINE_CACHE_PATH: PATH, ...env }).start()
  listen(answers)
  await rig.provision()
  await pass(2)
  return await only()
}

function listen(answers: Command[] = []): void {
  asked = []
  rig.runtime.commandOf = (command, { id }) => {
    asked.push({ id, path: command.at(-1), atMs: rig.clock.now() })
    return answers.length > 0 ? (answers.shift() ?? null) : { exitCode: 0, output: '12\n' }
  }
}

/** Lets time pass while every engine answers each second. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    const atMs = rig.clock.now()
    for (const { engineId, generation } of rig.health.targets)
      rig.health.tell({ engineId, generation, ok: true, atMs, error: null })
    await settled()
  }
}

const only = async (): Promise<Row> => {
  const [row] = await rig.json<Row[]>('GET', '/engines?status=all')
  if (row === undefined) throw new Error('there is no engine')
  return row
}
const leave = (id = 'key|session') =>
  rig.json('POST', '/events/stream_ended', { stream_id: id, reason: 'completed' })

/** A viewer comes and leaves. Returns when the viewer left. */
async function view({ port }: Row): Promise<number> {
  await rig.play(port)
  await pass(3)
  await leave()
  return rig.clock.now()
}

const warnings = () => rig.logged.filter((line) => line.startsWith('its cache was not emptied'))
const cleanups = () =>
  newestJournal(rig.temp.store.db, 200).filter(({ kind }) => kind === 'engine.cache_cleaned')

describe('the cache of an engine', () => {
  test('is emptied soon after it fell idle, once, and the answer says when and how much', async () => {
    const engine = await start()
    expect(engine).toMatchObject({ last_cache_cleanup: null, cache_size_bytes: null })
    const endedMs = await view(engine)
    await pass(30)
    expect(asked).toMatchObject([{ id: engine.container_id, path: PATH }])
    expect((asked[0]?.atMs ?? 0) - endedMs).toBeWithin(5_000, 6_001)
    const { last_cache_cleanup, cache_size_bytes } = await only()
    expect(Date.parse(last_cache_cleanup ?? '')).toBe(asked[0]?.atMs ?? 0)
    expect(cache_size_bytes).toBe(12 * 1024)
    expect(cleanups()).toMatchObject([{ detail: { bytes: 12 * 1024 } }])
    await view(engine)
    await pass(10)
    expect(asked).toHaveLength(2)
  })

  test('is let alone before its first stream, and while it has one', async () => {
    const engine = await start()
    await pass(20)
    await rig.play(engine.port)
    await rig.play(engine.port, 'other|session')
    await pass(20)
    await leave()
    await pass(20)
    expect(asked).toEqual([])
    await leave('other|session')
    await pass(10)
    expect(asked).toHaveLength(1)
  })

  test('is let alone where another stream comes within the five seconds', async () => {
    const engine = await start()
    await view(engine)
    await rig.clock.advance(4_900)
    await rig.play(engine.port)
    await pass(30)
    expect(asked).toEqual([])
  })

  test('is emptied again after a stream that came while it was being emptied', async () => {
    const engine = await start()
    const hang = rig.runtime.faults.hang('exec')
    await view(engine)
    await pass(7)
    await hang.reached
    await view(engine)
    hang.release()
    await settled()
    expect(asked).toHaveLength(1)
    await pass(10)
    expect(asked).toHaveLength(2)
    expect(cleanups()).toHaveLength(2)
  })

  test('is emptied after a restart of ours, if it was not before', async () => {
    const engine = await start()
    await view(engine)
    await rig.restart()
    listen()
    await pass(10)
    expect(asked).toHaveLength(1)
    await rig.restart()
    await pass(10)
    expect(asked).toHaveLength(1)
  })

  test('is never looked at without a path', async () => {
    const engine = await start([], { ENGINE_CACHE_PATH: '' })
    await view(engine)
    await pass(60)
    expect(asked).toEqual([])
  })
})

describe('the folder', () => {
  /** The folders that are emptied in an engine of the image when it falls idle. */
  async function emptied(env: Record<string, string>) {
    const image = env.TARGET_IMAGE ?? IMAGE
    rig = new Rig({ ENGINE_RECIPE: 'auto', ...env })
    rig.runtime.addImage(image)
    await rig.start()
    listen()
    await rig.provision()
    await pass(2)
    await view(await only())
    await pass(10)
    return asked.map(({ path }) => path)
  }

  test('is that of the recipe, unless ENGINE_CACHE_PATH names another', async () => {
    const image = { TARGET_IMAGE: 'wafy80/acestream' }
    expect(await emptied(image)).toEqual(['/srv/ace/.ACEStream/cache'])
    await rig.dispose()
    expect(await emptied({ ...image, ENGINE_CACHE_PATH: '/other' })).toEqual(['/other'])
  })

  test.each<Record<string, string>>([
    { TARGET_IMAGE: 'ghcr.io/krinkuto11/nano-ace' },
    { TARGET_IMAGE: 'jopsis/aceserve' },
    { TARGET_IMAGE: 'wafy80/acestream', ENGINE_RECIPE: 'none' },
    {},
  ])('is none for %j: no shell, no disk, or not known', async (env) => {
    expect(await emptied(env)).toEqual([])
  })
})

describe('engines', () => {
  test('are cleaned one at a time', async () => {
    const first = await start([null, null])
    await rig.provision()
    await pass(2)
    const second = (await rig.json<Row[]>('GET', '/engines?status=all')).find(
      ({ port }) => port !== first.port,
    )
    await rig.play(first.port, 'one')
    await rig.play(second?.port ?? 0, 'two')
    await leave('one')
    await leave('two')
    await pass(20)
    expect(asked).toHaveLength(1)
    rig.runtime.kill(asked[0]?.id ?? '')
    await settled()
    expect(new Set(asked.map(({ id }) => id)).size).toBe(2)
  })

  test('that were adopted as they were may have viewers that we do not know of', async () => {
    rig = await new Rig({ ENGINE_CACHE_PATH: PATH }).start()
    listen()
    const labels = {
      [LABEL.key]: LABEL.value,
      'acestream.http_port': '19007',
      'acestream.https_port': '45007',
      'host.http_port': '19007',
    }
    const ports = [{ containerPort: 19_007, hostPort: 19_007, protocol: 'tcp' as const }]
    const spec = { name: 'acestream-7', image: IMAGE, env: {}, labels, ports, publishAddress: '' }
    const id = rig.runtime.createOutside({ ...spec, network: null, memoryBytes: null, cpus: null })
    rig.runtime.startOutside(id)
    await pass(3)
    await view(await only())
    // A viewer still reads from the engine.
    for (let turn = 0; turn < 10; turn++) {
      rig.runtime.addTraffic(id, 10_000_000)
      await pass(10)
    }
    expect(asked).toEqual([])
    await pass(120)
    expect(asked).toHaveLength(1)
  })
})

describe('a cleanup that fails', () => {
  test('is one warning with the reason, and is not tried again until the next use', async () => {
    const engine = await start([{ exitCode: 126, output: 'exec: "sh": executable file not found\r\n' }])
    await view(engine)
    await pass(120)
    expect(asked).toHaveLength(1)
    expect(warnings()).toHaveLength(1)
    expect(warnings()[0]).toContain('ended with 126: exec: "sh": executable file not found')
    expect(cleanups()).toEqual([])
    expect(await only()).toMatchObject({ last_cache_cleanup: null, cache_size_bytes: null })
    await view(engine)
    await pass(10)
    expect(asked).toHaveLength(2)
    expect(await only()).toMatchObject({ cache_size_bytes: 12 * 1024 })
  })

  test('is one that Docker refuses, too', async () => {
    const engine = await start()
    const failure = new RuntimeFailure('refused', 'the disk is broken')
    rig.runtime.faults.always('exec', { kind: 'fail_before', failure })
    await view(engine)
    await pass(120)
    expect(warnings()).toEqual([expect.stringContaining('the disk is broken')])
  })

  test('with the process of its engine changes nothing, and is done for the next one', async () => {
    const engine = await start([null])
    await view(engine)
    await pass(7)
    expect(asked).toHaveLength(1)
    await rig.runtime.restartOutside(engine.container_id)
    await pass(20)
    expect(asked).toHaveLength(2)
    expect(cleanups()).toHaveLength(1)
  })

  test('leaves nothing behind where its engine was removed', async () => {
    const engine = await start([null])
    await view(engine)
    await pass(7)
    rig.runtime.removeOutside(engine.container_id)
    await pass(10)
    expect([warnings().length, cleanups().length]).toEqual([1, 0])
  })
})

describe('without an answer of Docker', () => {
  test('nothing is begun and nothing counts as a failure; it is done when Docker is back', async () => {
    const engine = await start()
    await view(engine)
    rig.runtime.goDown()
    await pass(40)
    expect(asked).toEqual([])
    rig.runtime.comeUp()
    await pass(20)
    expect(asked).toHaveLength(1)
    expect(warnings()).toEqual([])
  })

  test('nothing is begun until everything was looked at after a gap', async () => {
    const engine = await start()
    await view(engine)
    const failure = new RuntimeFailure('unreachable', 'no answer')
    rig.runtime.faults.always('list', { kind: 'fail_before', failure })
    rig.runtime.breakEvents()
    await pass(30)
    expect(asked).toEqual([])
    rig.runtime.faults.clear()
    await pass(10)
    expect(asked).toHaveLength(1)
  })

  test('a question that got none is asked again, three times in all', async () => {
    const engine = await start()
    rig.runtime.faults.next('exec', { kind: 'lose_question' })
    await view(engine)
    await pass(20)
    expect(asked).toEqual([])
    await pass(20)
    expect(asked).toHaveLength(1)
    rig.runtime.faults.always('exec', { kind: 'lose_answer' })
    await view(engine)
    await pass(200)
    expect(asked).toHaveLength(4)
    expect(warnings()).toHaveLength(1)
  })

  test('the application ends without waiting for the command', async () => {
    const engine = await start([null])
    await view(engine)
    await pass(7)
    expect(asked).toHaveLength(1)
    const beforeMs = rig.clock.now()
    await rig.orchestrator.stop()
    expect(rig.clock.now()).toBe(beforeMs)
    expect(warnings()).toEqual([])
  })
})
