import { afterEach, beforeEach, expect, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* Only clients with a wrong key wait for the answer, and many of them cost no more than a few. */

const ONE = 'the-key-of-yesterday'
const OTHER = 'the-key-of-tomorrow'

let rig: Rig
beforeEach(async () => {
  rig = await new Rig({ API_KEY: `${ONE}, ${OTHER}` }).start()
})
afterEach(() => rig.dispose())

/** A request with the status of its answer, which is null until the answer arrives. */
function ask(key: string | null, path = '/by-label?key=a&value=b', method = 'GET') {
  const hangUp = new AbortController()
  const headers = key === null ? {} : { authorization: `Bearer ${key}` }
  const asked = { status: null as number | null, hangUp: () => hangUp.abort() }
  void rig.request(method, path, undefined, { headers, signal: hangUp.signal }).then(({ status }) => {
    asked.status = status
  })
  return asked
}

const statuses = (all: readonly { readonly status: number | null }[]) => all.map(({ status }) => status)

test('each of several keys is accepted, and nothing made of them', async () => {
  const right = [ONE, OTHER].flatMap((key) => [ask(key), ask(key, '/gc', 'POST')])
  await settled()
  expect(statuses(right)).toEqual([200, 200, 200, 200])
  const wrong = [`${ONE}, ${OTHER}`, `${ONE},${OTHER}`, '', ',', ONE.slice(1), ONE.toUpperCase()]
  for (const key of wrong) {
    const asked = ask(key, '/gc', 'POST')
    await rig.clock.advance(250)
    expect([key, [401, 403].includes(asked.status ?? 0)]).toEqual([key, true])
  }
})

test('a wrong key is answered after 250 ms, a right one or none at once', async () => {
  const wrong = [ask('wrong'), ask('wrong', '/gc', 'POST'), ask('wrong', '//by-label?key=a&value=b')]
  await rig.clock.advance(249)
  const others = [ask(ONE), ask(OTHER, '/gc', 'POST'), ask(null), ask(null, '/gc', 'POST')]
  await settled()
  expect(statuses(others)).toEqual([200, 200, 401, 401])
  expect(statuses(wrong)).toEqual([null, null, null])
  await rig.clock.advance(1)
  expect(statuses(wrong)).toEqual([403, 403, 403])
})

test('ten thousand wrong keys at once hold 256 answers, and no right key', async () => {
  const timers = rig.clock.timers()
  const wrong = Array.from({ length: 10_000 }, () => ask('wrong', '/gc', 'POST'))
  const right = [ask(ONE), ask(OTHER, '/gc', 'POST')]
  await settled()
  expect(statuses(right)).toEqual([200, 200])
  expect(rig.clock.timers() - timers).toBeLessThanOrEqual(256 + 1)
  const held = wrong.filter(({ status }) => status === null)
  expect(held).toHaveLength(256)
  await rig.clock.advance(250)
  expect(new Set(statuses(wrong))).toEqual(new Set([403]))
  const next = ask('wrong')
  await settled()
  expect(next.status).toBeNull()
  await rig.clock.advance(250)
})

test('one who hangs up makes room for another', async () => {
  const held = Array.from({ length: 256 }, () => ask('wrong', '/gc', 'POST'))
  await settled()
  held[0]?.hangUp()
  await settled()
  const next = ask('wrong')
  const beyond = ask('wrong')
  await settled()
  expect([next.status, beyond.status]).toEqual([null, 403])
  await rig.clock.advance(250)
  expect(next.status).toBe(403)
})
