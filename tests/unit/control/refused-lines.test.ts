import { afterEach, expect, test } from 'bun:test'
import { Sparing } from '../../../src/control/reporting/sparing.ts'
import { Rig } from '../../support/rig.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/* Refused provisions and requests: anybody can send any number of them, and the log has a line a minute of each kind. */

let rig: Rig | null = null
afterEach(() => rig?.dispose())

async function started(env: Readonly<Record<string, string>>): Promise<Rig> {
  rig = await new Rig(env).start()
  Object.assign(rig.orchestrator.app, { server: { requestIP: () => ({ address: '192.168.1.7' }) } })
  return rig
}

test('a refused provision is one line a minute and code, with how often', async () => {
  const full = await started({ MIN_REPLICAS: '0', MAX_REPLICAS: '1' })
  await full.provision()
  for (let n = 0; n < 5; n++) expect((await full.provision()).status).toBe(503)
  const lines = () => full.logged.filter((line) => line.startsWith('no engine for a caller: '))
  expect(lines()).toEqual([expect.stringContaining('{"code":"max_capacity","remedy":"raise MAX_REPLICAS')])
  await full.clock.advance(60_000)
  expect(lines()).toHaveLength(2)
  expect(lines()[1]).toMatch(/"times":4,"from":"192.168.1.7"/)
  await full.clock.advance(180_000)
  expect(lines()).toHaveLength(2)
})

test('a request that its key refused is one line a minute and address, and has no key in it', async () => {
  const { logged, clock, orchestrator } = await started({
    API_KEY: 'the-right-key',
    API_KEY_PROTECT_READS: 'true',
  })
  const ask = (path: string, headers: Record<string, string>) => {
    const answer = orchestrator.app.handle(new Request(`http://localhost${path}`, { headers }))
    return clock.advance(250).then(() => answer)
  }
  const wrong = { authorization: 'Bearer the-wrong-key', 'user-agent': 'curl/8', 'x-request-id': 'r1' }
  for (let n = 0; n < 3; n++) expect((await ask('/engines', wrong)).status).toBe(403)
  expect((await ask('/by-label?key=a&value=b', {})).status).toBe(401)
  expect(logged.filter((line) => line.startsWith('GET '))).toEqual([
    'GET /engines was refused: wrong key {"status":403,"from":"192.168.1.7","agent":"curl/8","request":"r1"}',
    expect.stringMatching(
      /^GET \/by-label was refused: no key \{"status":401,"from":"192.168.1.7","request":".+"\}$/,
    ),
  ])
  await clock.advance(60_000)
  expect(logged.filter((line) => line.includes('"times":2'))).toHaveLength(1)
  expect(logged.join('\n')).not.toContain('the-wrong-key')
})

test('kinds beyond the limit are taken for one', async () => {
  const clock = new VirtualClock()
  const sparing = new Sparing({
    clock,
    onError: (error) => {
      throw error
    },
  })
  const written: string[] = []
  for (let n = 0; n < 200; n++) sparing.tell(`kind ${n}`, (times) => written.push(`${n} ${times}`))
  expect(written).toHaveLength(101)
  await clock.advance(60_000)
  expect(written.slice(101)).toEqual(['199 99'])
})
