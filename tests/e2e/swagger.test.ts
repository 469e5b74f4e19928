import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Page } from '../support/browser.ts'
import { Rig } from '../support/rig.ts'

/* Swagger UI in a real browser: directly, and behind a reverse proxy that takes a prefix away. */

setDefaultTimeout(60_000)

const KEY = 'a-key-for-the-browser'
const PREFIX = '/roundhouse'

let rig: Rig
let port: number
let proxy: Bun.Server<undefined>

beforeAll(async () => {
  rig = await new Rig({ API_KEY: KEY, API_KEY_PROTECT_READS: 'true' }).start()
  const { app } = rig.orchestrator
  app.listen({ hostname: '127.0.0.1', port: 0 })
  port = app.server?.port ?? 0
  proxy = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url)
      if (!pathname.startsWith(PREFIX)) return new Response('not behind the prefix', { status: 404 })
      const { method, headers } = request
      const body = method === 'GET' ? null : await request.text()
      const target = `http://127.0.0.1:${port}${pathname.slice(PREFIX.length) || '/'}${search}`
      // As it came: compressed, and with redirects.
      return fetch(target, { method, headers, body, redirect: 'manual', decompress: false })
    },
  })
})
afterAll(async () => {
  await proxy?.stop(true)
  await rig.orchestrator.app.stop(true)
  await rig.dispose()
})

const operation = (id: string): string => `[id$="-${id}"]`
const answerOf = (id: string): string => `${operation(id)} .live-responses-table .response`

/** Opens an operation, tries it out, and returns the answer that the page shows. Virtual time goes on meanwhile. */
async function tried(page: Page, id: string): Promise<string> {
  await page.click(`${operation(id)} .opblock-summary-control`)
  await page.click(`${operation(id)} .try-out__btn`)
  await page.click(`${operation(id)} .execute`)
  await page.until(answerOf(id), () => rig.clock.advance(500))
  return page.text(answerOf(id))
}

async function authorize(page: Page): Promise<void> {
  await page.click('.auth-wrapper .authorize')
  await page.type('.auth-container input', KEY)
  await page.click('.auth-btn-wrapper .authorize')
  await page.click('.auth-btn-wrapper .btn-done')
}

describe.each([
  ['directly', () => `http://127.0.0.1:${port}`, '/swagger', false],
  ['with a slash at the end', () => `http://127.0.0.1:${port}`, '/swagger/', true],
  ['behind a prefix', () => `http://127.0.0.1:${proxy.port}${PREFIX}`, '/swagger', true],
  ['with a slash behind a prefix', () => `http://127.0.0.1:${proxy.port}${PREFIX}`, '/swagger/', false],
] as const)('Swagger UI, %s', (_, base, path, isDark) => {
  test('takes the key, tries things out, and asks nobody else', async () => {
    const page = await Page.open(isDark)
    try {
      await page.goTo(`${base()}${path}`)
      await authorize(page)
      expect(await tried(page, 'listEngines')).toContain('200')
      expect(await tried(page, 'provisionEngine')).toContain('acestream-')
      expect(await tried(page, 'streamEvents')).toContain('event: snapshot')
      expect(await page.text('.response-col_duration, .live-responses-table')).toMatch(/\d+ ms/)
      expect(await page.evaluate('document.documentElement.classList.contains("dark-mode")')).toBe(isDark)
      await page.type('.operation-filter-input', 'containers')
      await page.until('.opblock-tag-section:only-child')
      expect(page.seen.complaints).toEqual([])
      expect(page.seen.requests.filter((url) => !url.startsWith(base()) && !url.startsWith('data:'))).toEqual(
        [],
      )
      expect(page.seen.requests.some((url) => url.endsWith('/events/stream?duration_s=10'))).toBe(true)
    } finally {
      await page.close()
    }
  })
})
