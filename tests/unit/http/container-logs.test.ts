import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { until } from '../../support/docker.ts'
import { IMAGE, LABEL, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* What is given of the logs of our containers, and to how many readers. */

const KEY = { headers: { authorization: 'Bearer the-key' } }

let rig: Rig
/** The container of an engine. */
let id: string
beforeEach(async () => {
  rig = await new Rig({
    API_KEY: 'the-key',
    AUTO_DELETE: 'false',
    STARTUP_TIMEOUT_S: '600',
    ENGINE_ENV: 'ENGINE_PASSWORD=hunter2',
  }).start()
  const answer = await rig.provision(KEY, {
    labels: {},
    env: { VIEWER_TOKEN: 'viewers-own', COLOUR: 'blue' },
  })
  id = ((await answer.json()) as { container_id: string }).container_id
})
afterEach(() => rig.dispose())

const ask = (query = '', whose = id, init: RequestInit = KEY): Promise<Response> =>
  rig.request('GET', `/containers/${whose}/logs${query}`, undefined, init)

/** The texts of the lines of an answer, without their times. */
const textsOf = (log: string): string[] =>
  log
    .split('\n')
    .slice(0, -1)
    .map((line) => line.slice(line.indexOf(' ') + 1))

/** Reads an answer that lasts. */
async function following(query = '?follow=true', init: RequestInit = KEY) {
  const answer = await ask(query, id, init)
  expect(answer.status).toBe(200)
  const body: ReadableStream<Uint8Array> | null = answer.body
  const reader = body?.getReader()
  const read = { text: '', isDone: false, leave: () => reader?.cancel() }
  const go = async (): Promise<void> => {
    for (;;) {
      const next = await reader?.read()
      if (next === undefined || next.done) break
      read.text += new TextDecoder().decode(next.value)
    }
    read.isDone = true
  }
  void go()
  await settled()
  return read
}

describe('a log', () => {
  test('has its newest lines with their times, as plain text that nobody keeps', async () => {
    rig.runtime.write(id, 'one\n')
    await rig.clock.advance(1_500)
    rig.runtime.write(id, '\u001b[31mtwo\u001b[0m\nthree\n')
    const answer = await ask()
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
      200,
      'text/plain; charset=utf-8',
      'no-store',
    ])
    const log = await answer.text()
    expect(textsOf(log)).toEqual(['one', 'two', 'three'])
    const [first = '', second = ''] = log.split('\n').map((line) => line.slice(0, line.indexOf(' ')))
    expect(first).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
    expect(Date.parse(second) - Date.parse(first)).toBe(1_500)
    expect(textsOf(await (await ask('?tail=1')).text())).toEqual(['three'])
    expect(textsOf(await (await ask(`?since=${second}`)).text())).toEqual(['two', 'three'])
    for (let line = 0; line < 3_000; line++) rig.runtime.write(id, `${line}\n`)
    expect(textsOf(await (await ask()).text())).toHaveLength(200)
    expect(textsOf(await (await ask('?tail=2000')).text())).toHaveLength(2_000)
  })

  test('has the output of each line where that is asked for, also while it is followed', async () => {
    rig.runtime.write(id, 'one\n')
    expect(textsOf(await (await ask('?outputs=true')).text())).toEqual(['stdout one'])
    expect(textsOf((await following('?follow=true&outputs=true')).text)).toEqual(['stdout one'])
    expect(textsOf(await (await ask('?outputs=false')).text())).toEqual(['one'])
  })

  test('is found by id, by its beginning and by name, of generic containers too', async () => {
    rig.runtime.write(id, 'one\n')
    for (const whose of [id, id.slice(0, 12), 'acestream-1'])
      expect([whose, textsOf(await (await ask('', whose)).text())]).toEqual([whose, ['one']])
    const body = { image: IMAGE, env: { DB_PASSWORD: 'swordfish' } }
    const made = await rig.during(rig.request('POST', '/provision', body, KEY))
    const other = ((await made.json()) as { container_id: string }).container_id
    rig.runtime.write(other, 'a swordfish\n')
    expect(textsOf(await (await ask('', other)).text())).toEqual(['a ***'])
  })

  test('shows no secret of the settings, of the request, or that has such a name', async () => {
    rig.runtime.write(
      id,
      'hunter2 viewers-own blue\nGET /a?token=abcdef&x=1\nAuthorization: Bearer abcdef\nthe-key\n',
    )
    const log = await (await ask()).text()
    expect(textsOf(log)).toEqual(['*** *** blue', 'GET /a?token=***&x=1', 'Authorization: Bearer ***', '***'])
    const read = await following()
    await rig.clock.advance(10)
    expect(textsOf(read.text)).toEqual(textsOf(log))
  })

  test('has no line that is too long, and not too much of all', async () => {
    rig.runtime.write(id, `${'x'.repeat(5_000)}\n`)
    expect(textsOf(await (await ask()).text())[0]?.length).toBeLessThan(4_097)
    const read = await following()
    await rig.clock.advance(10)
    expect(textsOf(read.text)[0]).toEndWith('x…')
    expect(read.text.length).toBeLessThan(4_100)
  })

  test('needs the key, before anything else is looked at', async () => {
    for (const query of ['', '?tail=0']) {
      expect((await ask(query, id, {})).status).toBe(401)
      const wrong = await rig.during(ask(query, id, { headers: { authorization: 'Bearer other' } }))
      expect(wrong.status).toBe(403)
    }
  })

  test('of what is not ours, or is nothing, is not found', async () => {
    const spec = {
      image: IMAGE,
      env: {},
      ports: [],
      publishAddress: '',
      network: null,
      memoryBytes: null,
      cpus: null,
    }
    const theirs = rig.runtime.createOutside({ ...spec, name: 'theirs', labels: {} })
    const foreign = rig.runtime.createOutside({
      ...spec,
      name: 'foreign',
      labels: { [LABEL.key]: LABEL.value, 'roundhouse.installation': 'another' },
    })
    for (const whose of [theirs, foreign, 'acestream-9'])
      for (const query of ['', '?follow=true']) {
        const answer = await ask(query, whose)
        expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([404, 'not_found'])
      }
    expect(rig.runtime.followedLogs()).toBe(0)
  })

  test('is refused while Docker does not answer, whether it is followed or not', async () => {
    rig.runtime.goDown()
    for (const query of ['', '?follow=true']) {
      const answer = await ask(query)
      expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'runtime_unavailable' }])
    }
    rig.runtime.comeUp()
    rig.runtime.freeze()
    const frozen = await rig.during(ask('?follow=true'))
    expect([frozen.status, await frozen.json()]).toMatchObject([503, { code: 'runtime_unavailable' }])
    rig.runtime.thaw()
  })

  test.each([
    ['tail=0', 'tail'],
    ['tail=2001', 'tail'],
    ['tail=1.5', 'tail'],
    ['since=yesterday', 'since'],
    ['since=1795000000', 'since'],
    ['follow=yes', 'follow'],
    ['outputs=1', 'outputs'],
  ])('that is asked for with %s names the field', async (query, field) => {
    const answer = await ask(`?${query}`)
    expect([answer.status, await answer.json()]).toMatchObject([422, { detail: [{ loc: ['query', field] }] }])
  })
})

describe('a log that is followed', () => {
  test('goes on with every further line, and ends with the container', async () => {
    rig.runtime.write(id, 'one\n')
    const read = await following()
    expect(textsOf(read.text)).toEqual(['one'])
    rig.runtime.write(id, 'two\n')
    await settled()
    expect(textsOf(read.text)).toEqual(['one', 'two'])
    rig.runtime.kill(id)
    await settled()
    expect([read.isDone, rig.runtime.followedLogs()]).toEqual([true, 0])
  })

  test('is let go at once when its reader leaves, by either way', async () => {
    const read = await following()
    const hangUp = new AbortController()
    await following('?follow=true', { ...KEY, signal: hangUp.signal })
    expect(rig.runtime.followedLogs()).toBe(2)
    await read.leave()
    await settled()
    expect(rig.runtime.followedLogs()).toBe(1)
    hangUp.abort()
    await settled()
    expect(rig.runtime.followedLogs()).toBe(0)
  })

  test('ends after four minutes, when the server ends, and when Docker breaks it off', async () => {
    const first = await following()
    await rig.clock.advance(239_000)
    expect(first.isDone).toBe(false)
    await rig.clock.advance(1_000)
    expect([first.isDone, rig.runtime.followedLogs()]).toEqual([true, 0])
    const second = await following()
    rig.runtime.goDown()
    await settled()
    expect([second.isDone, rig.runtime.followedLogs()]).toEqual([true, 0])
    rig.runtime.comeUp()
    const third = await following()
    rig.orchestrator.hangUp()
    await settled()
    expect([third.isDone, rig.runtime.followedLogs()]).toEqual([true, 0])
    const late = await following()
    expect([late.isDone, rig.runtime.followedLogs()]).toEqual([true, 0])
    expect(rig.logged.filter((line) => line.includes('followed'))).toEqual([])
  })

  test('comes no faster than its pace, and all of it', async () => {
    const line = `${'x'.repeat(1_000)}\n`
    const read = await following()
    for (let kilobyte = 0; kilobyte < 700; kilobyte++) {
      rig.runtime.write(id, line)
      if (kilobyte % 100 === 0) await settled()
    }
    await settled()
    const atOnce = read.text.length
    expect(atOnce).toBeWithin(500_000, 720_000)
    for (let second = 0; second < 20; second++) {
      const before = read.text.length
      rig.runtime.write(id, line.repeat(50))
      await rig.clock.advance(1_000)
      expect(read.text.length - before).toBeLessThan(250_000)
    }
    await rig.clock.advance(30_000)
    expect(textsOf(read.text)).toHaveLength(1_700)
    await read.leave()
  })

  test('has ten readers at most, and one who leaves makes room for another', async () => {
    const reads = []
    for (let reader = 0; reader < 10; reader++) reads.push(await following())
    for (const query of ['', '?follow=true']) {
      const answer = await ask(query)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
      expect(await answer.json()).toMatchObject({ code: 'too_many_subscribers', recovery_eta_seconds: 5 })
    }
    await reads[0]?.leave()
    await until('there is room', async () => (await ask()).status === 200)
  })
})
