import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { gunzipSync } from 'node:zlib'
import { Rig } from '../../support/rig.ts'

let rig: Rig
beforeAll(() => {
  rig = new Rig({ API_KEY: 'secret', API_KEY_PROTECT_READS: 'true' })
})
afterAll(() => rig.dispose())

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  rig.request('GET', path, undefined, { headers })

/** The addresses that the page loads, as a browser at that address reads them. */
async function loadedBy(path: string): Promise<string[]> {
  const page = await (await get(path)).text()
  return [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, address = '']) => new URL(address, `http://localhost${path}`).pathname,
  )
}

describe('the page for people', () => {
  test('is where the root leads, also behind a prefix', async () => {
    const root = await get('/')
    expect([root.status, root.headers.get('location')]).toEqual([302, 'panel'])
  })

  test.each(['/panel', '/panel/'])(
    'at %s loads everything without a key, and nothing from outside',
    async (path) => {
      const answer = await get(path)
      expect(answer.status).toBe(200)
      expect(await answer.text()).not.toMatch(/https?:\/\/|(?:src|href)="\//)
      const addresses = await loadedBy(path)
      expect(addresses.map((each) => each.replace(/\.[0-9a-f]{12}\./, '.')).toSorted()).toEqual([
        '/panel/assets/panel.css',
        '/panel/assets/panel.js',
        '/panel/assets/panel.svg',
      ])
      for (const address of addresses) expect([address, (await get(address)).status]).toEqual([address, 200])
    },
  )

  test('has nothing inline, and a policy that allows only what comes from here', async () => {
    const answer = await get('/panel')
    expect(answer.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    const page = await answer.text()
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=/)
    expect(page.match(/<script[^>]*>[^<]/)).toBeNull()
  })

  test('is painted when its program has run, so that it is never seen in the wrong colours', async () => {
    expect(await (await get('/panel')).text()).toMatch(/<script [^>]*blocking="render"/)
  })

  test('is asked for again, and its assets are not: their names change with them', async () => {
    expect((await get('/panel')).headers.get('cache-control')).toBe('no-cache')
    for (const address of await loadedBy('/panel'))
      expect((await get(address)).headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  })

  test('is sent compressed to those who take that, in less than 100 kB', async () => {
    let sum = 0
    for (const address of ['/panel', ...(await loadedBy('/panel'))]) {
      const plain = await (await get(address)).bytes()
      const zipped = new Uint8Array(await (await get(address, { 'accept-encoding': 'gzip' })).arrayBuffer())
      expect(Buffer.compare(gunzipSync(zipped), plain)).toBe(0)
      sum += zipped.length
    }
    expect(sum).toBeLessThan(100_000)
  })

  test('has no other files', async () => {
    expect((await get('/panel/assets/nothing.js', { authorization: 'Bearer secret' })).status).toBe(404)
    expect((await get('/panel/other')).status).toBe(401)
  })
})
