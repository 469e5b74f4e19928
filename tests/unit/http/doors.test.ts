import { afterEach, describe, expect, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'

/*
 * Requests that other sites' pages can make a browser send are refused, whatever their key. Programs send no such requests.
 */

interface Refusal {
  readonly code: string
  readonly detail: string
}

let rig: Rig
afterEach(() => rig.dispose())

const start = async (env: Record<string, string> = {}) => {
  rig = await new Rig(env).start()
}

/** The refusal of a request at the doors, or null if it was let in. */
async function turnedAway(method: string, path: string, headers: Record<string, string>) {
  const response = await rig.request(method, path, undefined, { headers })
  if (response.status !== 403 && response.status !== 400) return null
  const { code, detail } = (await response.json()) as Refusal
  return { status: response.status, code, detail }
}

const KEY = { authorization: 'Bearer secret' }
const CHANGES = [
  ['POST', '/provision/acestream'],
  ['POST', '/scale/3'],
  ['DELETE', '/scale'],
  ['DELETE', '/containers/x'],
  ['DELETE', '/streams/x'],
  ['POST', '//gc'],
  ['PUT', '/nothing'],
  ['PATCH', '/engines'],
] as const

describe('a change', () => {
  test.each([
    [{ origin: 'http://evil.example' }],
    [{ origin: 'null' }],
    [{ origin: '' }],
    [{ origin: 'http://127.0.0.1:8001' }],
    [{ origin: 'http://127.0.0.1' }],
    [{ origin: 'http://127.0.0.1:8000.evil.example' }],
    [{ origin: 'http://user@127.0.0.1:8000' }],
    [{ origin: 'http://127.0.0.1:8000, http://evil.example' }],
    [{ origin: 'ftp://127.0.0.1:8000' }],
    [{ origin: 'chrome-extension://127.0.0.1:8000' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ 'sec-fetch-site': 'same-origin, cross-site' }],
    [{ 'sec-fetch-site': 'cross-site', origin: 'http://127.0.0.1:8000' }],
    [{ 'sec-fetch-site': 'same-origin', origin: 'http://evil.example' }],
  ])('of a page of others is refused, with the right key too: %p', async (sent) => {
    await start({ API_KEY: 'secret' })
    for (const key of [KEY, {}])
      for (const [method, path] of CHANGES) {
        const refused = await turnedAway(method, path, { host: '127.0.0.1:8000', ...sent, ...key })
        expect(refused).toMatchObject({ status: 403, code: 'cross_site' })
        expect(refused?.detail).toContain('use the address that the page was opened at, or a program')
      }
  })

  test.each([
    [{ host: '127.0.0.1:8000', origin: 'http://127.0.0.1:8000' }],
    [{ host: '127.0.0.1:8000', origin: 'https://127.0.0.1:8000' }],
    [{ host: 'localhost', origin: 'http://localhost' }],
    [{ host: 'localhost', origin: 'https://localhost:443' }],
    [{ host: 'LocalHost:80', origin: 'http://localhost' }],
    [{ host: 'nas:8000', origin: 'http://NAS:8000' }],
    [{ host: '[::1]:8000', origin: 'http://[::1]:8000' }],
    [{ host: 'nas:8000', 'sec-fetch-site': 'same-origin', origin: 'http://nas:8000' }],
    [{ host: 'nas:8000', 'sec-fetch-site': 'same-site', origin: 'http://nas:8000' }],
    [{ host: 'nas:8000', 'sec-fetch-site': 'none' }],
    // Programs.
    [{ host: 'nas:8000' }],
    [{}],
  ])('of our own page or of a program is let in: %p', async (sent) => {
    await start({ API_KEY: 'secret' })
    const response = await rig.request('POST', '/gc', undefined, { headers: { ...sent, ...KEY } })
    expect(response.status).toBe(200)
  })

  test.each([
    ['https://nas:80', 'nas'],
    ['http://nas:443', 'nas:80'],
    ['http://nas', 'nas:443'],
    ['http://nas:8000', 'nas'],
    ['http://nas:8000', ''],
  ])('of a page at %s is none of our own at the Host %p', async (origin, host) => {
    await start()
    expect((await turnedAway('POST', '/gc', { host, origin }))?.code).toBe('cross_site')
  })
})

test('a read of any page is answered, and tells that page nothing without its leave', async () => {
  await start()
  const headers = { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' }
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    const response = await rig.request(method, '/engines', undefined, { headers })
    expect(response.status).not.toBe(403)
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  }
})

describe('the Host', () => {
  const WELL_KNOWN = [
    '127.0.0.1',
    '127.0.0.1:8000',
    '192.168.1.20:8000',
    '[::1]',
    '[::1]:8000',
    '[2001:DB8::7]:8000',
    '[::ffff:10.0.0.1]:8000',
    'localhost',
    'LOCALHOST:8000',
    'localhost.',
    'orchestrator:8000',
    'my_orchestrator:8000',
    'host.docker.internal:8000',
  ]
  test.each(WELL_KNOWN)('%s is let in', async (host) => {
    await start()
    expect(await turnedAway('GET', '/engines', { host })).toBeNull()
    expect(await turnedAway('POST', '/gc', { host })).toBeNull()
  })

  const STRANGE = [
    'evil.example',
    'EVIL.example:8000',
    'evil.example.',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1.nip.io:8000',
    'host.docker.internal.evil.example',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
  ]
  test.each(STRANGE)('%s is refused, on every path, with any key', async (host) => {
    await start({ API_KEY: 'secret' })
    const asked = [
      ['GET', '/engines'],
      ['GET', '//engines'],
      ['GET', '/swagger'],
      ['GET', '/healthz'],
      ['OPTIONS', '/engines'],
      ['GET', '/nothing'],
      ['POST', '/provision/acestream'],
    ] as const
    for (const [method, path] of asked) {
      const refused = await turnedAway(method, path, { host, ...KEY })
      expect(refused).toMatchObject({ status: 403, code: 'host_not_allowed' })
      expect(refused?.detail).toContain(host.toLowerCase().replace(/:\d+$|\.$/, ''))
      expect(refused?.detail).toContain('add it to ALLOWED_HOSTS')
    }
  })

  test.each([
    'a b',
    'a, b',
    'user@localhost',
    'localhost:80000',
    'localhost:port',
    'localhost/engines',
    'localhost?',
    'evil%2eexample',
    '[::1',
    '::1',
    '[]',
    '[zz]',
    '.',
    ':8000',
    'x'.repeat(300),
  ])('%p is none', async (host) => {
    await start()
    const refused = await turnedAway('GET', '/engines', { host })
    expect(refused).toMatchObject({ status: 400, code: 'malformed_host' })
    expect(refused?.detail.length).toBeLessThan(200)
  })

  test('may be one of ALLOWED_HOSTS, ADVERTISE_HOST, or BIND', async () => {
    await start({
      ALLOWED_HOSTS: 'Roundhouse.example.com, b.example.',
      ADVERTISE_HOST: 'media.lan',
      BIND: 'box.lan',
      ALLOW_NO_KEY: 'true',
    })
    for (const host of [
      'roundhouse.example.com',
      'ROUNDHOUSE.example.COM.:8443',
      'b.example:1',
      'B.example.',
      'media.lan:8000',
      'box.lan',
    ])
      expect([host, await turnedAway('GET', '/engines', { host })]).toEqual([host, null])
    for (const host of ['example.com', 'a.roundhouse.example.com', 'roundhouse.example.com.evil.example'])
      expect([host, (await turnedAway('GET', '/engines', { host }))?.code]).toEqual([
        host,
        'host_not_allowed',
      ])
  })

  test('that is refused is in the log once a minute, and no key is', async () => {
    await start({ API_KEY: 'secret' })
    const lines = () => rig.logged.filter((line) => line.includes('turned away'))
    for (let n = 0; n < 100; n++) await turnedAway('GET', '/engines', { host: 'evil.example', ...KEY })
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toContain('"evil.example"')
    expect(lines()[0]).not.toContain('secret')
    await rig.clock.advance(60_000)
    await turnedAway('POST', '/gc', { origin: 'http://evil.example' })
    expect(lines()).toHaveLength(2)
  })
})

describe('every answer', () => {
  test.each([
    ['GET', '/engines', 200],
    ['GET', '/streams', 200],
    ['GET', '/orchestrator/status', 200],
    ['GET', '/metrics', 200],
    ['HEAD', '/engines', 200],
    ['GET', '/events/stream?limit=1&duration_s=1', 200],
    ['GET', '/swagger/json', 200],
    ['GET', '/swagger/assets/none', 404],
    ['GET', '/', 302],
    ['OPTIONS', '/', 204],
    ['GET', '/nothing', 404],
    ['PUT', '/engines', 401],
    ['GET', '/streams?status=x', 422],
    ['POST', '/gc', 401],
  ])('to %s %s says that it is no page, and belongs into none', async (method, path, status) => {
    await start({ API_KEY: 'secret' })
    const response = await rig.request(method, path)
    expect(response.status).toBe(status)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('referrer-policy')).toBe('no-referrer')
    expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    await response.body?.cancel()
  })

  test('that is the page of Swagger UI lets in what it needs of ours, and no script in itself', async () => {
    await start()
    const response = await rig.request('GET', '/swagger')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    const page = await response.text()
    expect(page.match(/<script(?! src="swagger\/assets\/[\w.-]+"><\/script>)| style=| on\w+=/)).toBeNull()
    for (const [, path = ''] of page.matchAll(/(?:src|href)="([^"]+)"/g))
      expect((await rig.request('GET', `/${path}`)).status).toBe(200)
  })

  test('of Swagger UI keeps no key, and forgets the one that an earlier version kept', async () => {
    await start()
    const page = await (await rig.request('GET', '/swagger')).text()
    const [, path] = /src="([^"]+\/start\.[^"]+)"/.exec(page) ?? []
    const script = await (await rig.request('GET', `/${path}`)).text()
    expect(script).toContain('persistAuthorization: false')
    expect(script).toContain("localStorage.removeItem('authorized')")
  })
})
