import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { until } from '../support/docker.ts'
import { foreignRequests, openPage, startChromium, untilTrue } from '../support/panel-browser.ts'
import { Rig } from '../support/rig.ts'
import { answerOf, authorize, tryOut } from '../support/swagger-ui.ts'

/* Swagger UI in a real browser: directly, and behind a reverse proxy that takes a prefix away. */

setDefaultTimeout(60_000)

const KEY = 'a-key-for-the-browser'
const PREFIX = '/roundhouse'

let browser: Browser
let rig: Rig
let port: number
let proxy: Bun.Server<undefined>

beforeAll(async () => {
  browser = await startChromium()
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
  await browser?.close()
  await proxy?.stop(true)
  await rig.orchestrator.app.stop(true)
  await rig.dispose()
})

/** Tries an operation out, and returns the answer that the page shows. Virtual time goes on meanwhile. */
async function tried(page: Page, id: string): Promise<string> {
  await tryOut(page, id)
  const answer = answerOf(page, id)
  await until(`${id} is answered`, async () => {
    await rig.clock.advance(500)
    return (await answer.count()) > 0
  })
  return (await answer.textContent()) ?? ''
}

describe.each([
  ['directly', () => `http://127.0.0.1:${port}`, '/swagger', false],
  ['with a slash at the end', () => `http://127.0.0.1:${port}`, '/swagger/', true],
  ['behind a prefix', () => `http://127.0.0.1:${proxy.port}${PREFIX}`, '/swagger', true],
  ['with a slash behind a prefix', () => `http://127.0.0.1:${proxy.port}${PREFIX}`, '/swagger/', false],
] as const)('Swagger UI, %s', (_, base, path, isDark) => {
  test('takes the key, tries things out, and asks nobody else', async () => {
    const opened = await openPage(browser, `${base()}${path}`, undefined, isDark ? 'dark' : 'light')
    const { page, complaints, refused, requests } = opened
    await authorize(page, KEY)
    expect(await tried(page, 'listEngines')).toContain('200')
    expect(await tried(page, 'provisionEngine')).toContain('acestream-')
    expect(await tried(page, 'streamEvents')).toContain('event: snapshot')
    expect(await page.locator('.live-responses-table').first().textContent()).toMatch(/\d+ ms/)
    expect(await page.evaluate('document.documentElement.classList.contains("dark-mode")')).toBe(isDark)
    await page.locator('.operation-filter-input').fill('containers')
    await untilTrue(page, `document.querySelectorAll('.opblock-tag-section').length === 1`)
    expect(await page.locator('.opblock-tag-section').textContent()).toContain('/containers/{id}')
    expect([...complaints, ...refused]).toEqual([])
    expect(foreignRequests(opened, base())).toEqual([])
    expect(requests.some(({ url }) => url.endsWith('/events/stream?duration_s=10'))).toBe(true)
    await page.context().close()
  })
})
