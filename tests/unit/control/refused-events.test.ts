import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Exposition } from '../../support/exposition.ts'
import { AS_ACEXY, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* Events that are refused because of their key. The proxy continues to play, so nobody would notice without a warning. */

const KEY = 'the-right-key'

let rig: Rig
let caller: string | null

beforeEach(async () => {
  rig = await new Rig({ API_KEY: KEY }).start()
  caller = '192.168.1.7'
})
afterEach(() => rig.dispose())

/** How long the answer to a wrong key is delayed. */
const WRONG_KEY_MS = 250

/** Sends an event from `caller` as over the network. Returns the status of the answer. */
async function send(key: string | null, path = '/events/stream_started', method = 'POST'): Promise<number> {
  const answer = sending(key, path, method)
  if (key !== null && key !== KEY) await rig.clock.advance(WRONG_KEY_MS)
  return answer
}

async function sending(key: string | null, path: string, method = 'POST'): Promise<number> {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
  const request = new Request(`http://localhost${path}`, {
    method,
    headers,
    ...(method === 'POST' ? { body: '{"stream_id":"x"}' } : {}),
  })
  const { app } = rig.orchestrator
  const address = caller
  Object.assign(app, { server: { requestIP: () => address && { address } } })
  return (await app.handle(request)).status
}

const told = () =>
  rig.logged
    .filter((line) => line.includes('; its streams are not booked'))
    .map((line) => line.replace(/ \{.*/, ''))
/** The warnings of the status, as acexy asks for it: that nobody else does is not what is tried here. */
const warnings = async () =>
  (
    await rig.json<{ warnings: { code: string; message: string; remedy: string }[] }>(
      'GET',
      '/orchestrator/status',
      undefined,
      AS_ACEXY,
    )
  ).warnings
/** How many events were refused without a key, and with a wrong one. */
const counted = async (): Promise<readonly number[]> => {
  const seen = new Exposition(await (await rig.request('GET', '/metrics')).text())
  return ['401', '403'].map((status) => seen.of(`roundhouse_events_refused_total{status="${status}"}`))
}

describe('an event that is refused', () => {
  test('is one line in the log per caller and minute, and counted each time', async () => {
    expect(await counted()).toEqual([0, 0])
    expect(await send('wrong')).toBe(403)
    expect(await send('wrong', '/events/stream_ended')).toBe(403)
    caller = '192.168.1.8'
    expect(await send(null, '/events/stream_ended')).toBe(401)
    expect(told()).toEqual([
      '403 for POST /events/stream_started from 192.168.1.7: wrong key; its streams are not booked',
      '401 for POST /events/stream_ended from 192.168.1.8: no key; its streams are not booked',
    ])
    await rig.clock.advance(59_999)
    await send(null)
    expect(told()).toHaveLength(2)
    await rig.clock.advance(1)
    await send(null)
    expect(told()).toHaveLength(3)
    expect(await counted()).toEqual([3, 2])
  })

  test('is a warning until five minutes after the last', async () => {
    expect(await warnings()).toEqual([])
    await send('wrong')
    expect(await warnings()).toMatchObject([
      {
        code: 'events_refused',
        message: expect.stringContaining('events of streams are refused (wrong key)'),
        remedy: expect.stringContaining('ACEXY_ORCH_APIKEY'),
      },
    ])
    await rig.clock.advance(299_000)
    caller = '192.168.1.8'
    await send(null)
    expect(await warnings()).toMatchObject([
      { message: expect.stringContaining('refused (no key, wrong key)') },
    ])
    await rig.clock.advance(1_000)
    expect(await warnings()).toMatchObject([{ message: expect.stringContaining('refused (no key)') }])
    await rig.clock.advance(298_999)
    expect(await warnings()).toHaveLength(1)
    await rig.clock.advance(1)
    expect(await warnings()).toEqual([])
    await send(null)
    expect(await warnings()).toMatchObject([{ message: expect.stringContaining('refused (no key)') }])
  })

  test('is no warning any more when each of the addresses has reported something with the right key', async () => {
    await send('wrong')
    caller = '192.168.1.8'
    await send('wrong')
    expect(await send(KEY, '/events/stream_ended')).not.toBe(403)
    expect(await warnings()).toHaveLength(1)
    caller = '192.168.1.7'
    await send(KEY, '/events/stream_ended')
    expect(await warnings()).toEqual([])
  })

  test('never brings a key into the log, nor a path of the caller’s', async () => {
    await send('my-secret')
    caller = null
    await send('my-secret', '/events/%0Anonsense')
    expect(told()).toEqual([
      expect.stringContaining('/events/stream_started from 192.168.1.7'),
      '403 for POST /events/… from an address that is not known: wrong key; its streams are not booked',
    ])
    const logged = rig.logged.join()
    expect(logged).not.toContain('my-secret')
    expect(logged).not.toContain(KEY)
    expect(logged).not.toContain('nonsense')
  })

  test('from ever new addresses fills neither the log nor the memory', async () => {
    const answers: Promise<number>[] = []
    for (let n = 0; n < 300; n++) {
      caller = `10.0.${n >> 8}.${n & 255}`
      answers.push(sending('wrong', '/events/stream_started'))
      await settled()
    }
    await rig.clock.advance(WRONG_KEY_MS)
    await Promise.all(answers)
    expect(told()).toHaveLength(100)
    expect(await counted()).toEqual([0, 300])
  })
})

test('nothing is told of events that are taken, nor of other requests that are refused', async () => {
  expect(await send(KEY)).toBe(422)
  expect(await send('wrong', '/provision/acestream')).toBe(403)
  expect(await send('wrong', '/events', 'DELETE')).toBe(403)
  expect(told()).toEqual([])
  expect(await warnings()).toEqual([])
  expect(await counted()).toEqual([0, 0])
})
