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

/** The addresses that a page loads, as a browser at that address reads them. */
async function loadedBy(path: string): Promise<string[]> {
  const page = await (await get(path)).text()
  return [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, address = '']) => new URL(address, `http://localhost${path}`).pathname,
  )
}

describe('the page of Swagger UI', () => {
  test.each(['/swagger', '/swagger/'])('at %s loads everything, and nothing from outside', async (path) => {
    const page = await (await get(path)).text()
    expect(page).not.toMatch(/https?:\/\/|(?:src|href)="\//)
    const addresses = await loadedBy(path)
    expect(addresses.map((each) => each.replace(/\.[0-9a-f]{12}\./, '.'))).toEqual([
      '/swagger/assets/swagger-ui.css',
      '/swagger/assets/page.css',
      '/swagger/assets/icon.svg',
      '/swagger/assets/swagger-ui-bundle.js',
      '/swagger/assets/start.js',
    ])
    for (const address of addresses) {
      const asset = await get(address)
      expect([address, asset.status, (await asset.text()).length > 80]).toEqual([address, 200, true])
    }
  })

  test('is asked for again, and its assets are not: their names change with them', async () => {
    expect((await get('/swagger')).headers.get('cache-control')).toBe('no-cache')
    for (const address of await loadedBy('/swagger')) {
      const { headers } = await get(address)
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(headers.get('vary')).toBe('accept-encoding')
    }
  })

  test('and the document are sent compressed to those who take that', async () => {
    for (const address of [...(await loadedBy('/swagger')), '/swagger/json']) {
      const plain = await get(address)
      expect(plain.headers.get('content-encoding')).toBeNull()
      const text = await plain.text()
      for (const takes of ['gzip', 'br, gzip;q=0.5', 'deflate,gzip']) {
        const zipped = await get(address, { 'accept-encoding': takes })
        expect([takes, zipped.headers.get('content-encoding')]).toEqual([takes, 'gzip'])
        expect(gunzipSync(await zipped.bytes()).toString() === text).toBe(true)
      }
      for (const takes of ['gzip;q=0', 'br', 'xgzip'])
        expect((await get(address, { 'accept-encoding': takes })).headers.get('content-encoding')).toBeNull()
    }
  })

  test('has no asset by another name', async () => {
    for (const name of ['swagger-ui.css', 'start.000000000000.js', '__proto__', 'x'])
      expect([name, (await get(`/swagger/assets/${name}`)).status]).toEqual([name, 404])
  })
})
