import { expect, test } from 'bun:test'
import { serverWord } from '../../../src/wire/doctor/server-facts.ts'
import { freePort } from '../../support/ports.ts'

/* What the doctor reads of a running server. */

const signal = () => AbortSignal.timeout(2_000)

async function wordOf(body: string, status = 200) {
  const asked: string[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => {
      asked.push(new URL(url).pathname)
      return new Response(body, { status })
    },
  })
  try {
    const word = await serverWord(`http://127.0.0.1:${server.port}/healthz`, signal())
    expect(asked).toEqual(['/orchestrator/status'])
    return word
  } finally {
    await server.stop(true)
  }
}

const warnings = [{ code: 'no_proxy_heard', message: 'none', remedy: 'do that', since: 'x' }]
const heard = [{ address: '172.18.0.3', container: 'acexy', networks: ['media'] }]

test('the status of a server is read, that of an older one too', async () => {
  const proxies = { last_heard: 'x', heard }
  const word = await wordOf(JSON.stringify({ proxies, warnings, status: 'healthy' }))
  expect(word).toMatchObject({ lastHeard: 'x', heard: [{ container: 'acexy' }], warnings })
  const older = await wordOf(JSON.stringify({ proxies: { last_heard: null }, warnings: [] }))
  expect(older).toEqual({ lastHeard: null, heard: [], warnings: [] })
})

test.each([
  ['a page', '<html>', 200],
  ['another object', '{"proxies":{"last_heard":7},"warnings":[]}', 200],
  ['a refusal', JSON.stringify({ proxies: { last_heard: null }, warnings: [] }), 403],
])('%s is no word of a server', async (_, body, status) => {
  expect(await wordOf(body, status)).toBeNull()
})

test('nobody says nothing', async () => {
  expect(await serverWord(`http://127.0.0.1:${freePort()}/healthz`, signal())).toBeNull()
})
