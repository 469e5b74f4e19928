import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { mustProvision, openTestSite, type Provisioned, type TestSite } from '../support/fleet.ts'
import {
  foreignRequests,
  hasNoSidewaysScroll,
  type OpenedPage,
  openPage,
  picture,
  startChromium,
} from '../support/panel-browser.ts'
import type { TestServer } from '../support/server.ts'

/* The page for people in a real Chromium, at a real orchestrator with real containers. */

setDefaultTimeout(90_000)

const KEY = 'a-key-for-the-browser-0123456789'
const WIDTHS = [
  [1280, 800],
  [390, 844],
] as const

let site: TestSite
let browser: Browser

beforeAll(async () => {
  site = await openTestSite()
  browser = await startChromium()
}, 240_000)
afterEach(() => site.cleanUp())
afterAll(async () => {
  await browser?.close()
  await site?.cleanUp()
})

const open = (
  url: string,
  width: number,
  height: number,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<OpenedPage> => openPage(browser, url, { width, height }, colorScheme)

async function started(env: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const server = site.server({ MAX_REPLICAS: '4', ...env })
  await server.start()
  return server
}

async function isInViewport(page: Page, selector: string): Promise<boolean> {
  const box = await page.locator(selector).boundingBox()
  const size = page.viewportSize()
  if (box === null || size === null) return false
  return box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height
}

/** Reports a stream with this id on an engine, as a proxy does. */
async function play(server: TestServer, { host_http_port: port }: Provisioned, id: string): Promise<void> {
  const stat = `http://127.0.0.1:${port}/ace/stat/content/session`
  const answer = await server.post('/events/stream_started', {
    engine: { host: '127.0.0.1', port },
    stream: { key_type: 'infohash', key: 'c'.repeat(40) },
    session: { playback_session_id: 'session', stat_url: stat, command_url: `${stat}?c`, is_live: 1 },
    labels: { stream_id: id },
  })
  expect(answer.status).toBe(200)
}

describe('the overview', () => {
  test('answers the five questions without a scroll, loads nothing from outside and complains of nothing', async () => {
    const server = await started()
    await play(server, await mustProvision(server), 'watched')
    for (const [width, height] of WIDTHS)
      for (const scheme of ['light', 'dark'] as const) {
        const opened = await open(server.url, width, height, scheme)
        const { page, complaints, refused } = opened
        await page.locator('.state.ok', { hasText: 'live' }).waitFor()
        expect(new URL(page.url()).pathname).toBe('/panel')
        await page.locator('.engines tbody tr').first().waitFor()
        for (const answer of [
          '.verdict',
          '.tile >> nth=0',
          '.tile >> nth=1',
          '.tile >> nth=2',
          '.tile >> nth=3',
        ])
          expect([answer, await isInViewport(page, answer)]).toEqual([answer, true])
        expect(await hasNoSidewaysScroll(page)).toBe(true)
        expect([...complaints, ...refused]).toEqual([])
        expect(foreignRequests(opened, server.url)).toEqual([])
        await page.context().close()
      }
  })

  test('shows an engine as soon as it is provisioned, and no longer when it goes', async () => {
    const server = await started()
    const { page } = await open(`${server.url}/panel`, 1280, 800)
    await page.locator('.empty', { hasText: 'No engine runs' }).waitFor()
    const { container_name, container_id } = await mustProvision(server)
    const answeredMs = performance.now()
    await page.getByRole('link', { name: container_name, exact: true }).first().waitFor()
    // The row is drawn from the first transaction on, so it is mostly there before the answer. A busy machine may be late.
    console.log(`on the screen ${Math.round(performance.now() - answeredMs)} ms after the answer`)
    await server.delete(`/containers/${container_id}`)
    await page.locator('.empty', { hasText: 'No engine runs' }).waitFor()
    expect(await page.locator('.verdict').textContent()).toContain('Yes, after a start')
  })

  test('says when it is not live, and is live again by itself', async () => {
    const server = await started()
    const { page } = await open(`${server.url}/panel`, 1280, 800)
    await page.locator('.state.ok', { hasText: 'live' }).waitFor()
    await server.end()
    await page.getByRole('alert').filter({ hasText: 'Not live' }).waitFor()
    await picture(page, 'lost-1280-light')
    await server.start()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    await page.locator('.state.ok', { hasText: 'live' }).waitFor()
  })
})

describe('with API_KEY_PROTECT_READS', () => {
  test('the page asks for the key, and has it in no address, no log and no storage that was not asked for', async () => {
    const server = await started({ API_KEY: KEY, API_KEY_PROTECT_READS: 'true' })
    const { page, requests } = await open(`${server.url}/panel`, 390, 844)
    const key = page.getByLabel(/API key/)
    await key.fill('wrong-key')
    await page.getByRole('button', { name: 'Use key' }).click()
    await page.getByText('invalid token').waitFor()
    await key.fill(KEY)
    await page.getByRole('button', { name: 'Use key' }).click()
    await page.locator('.state.ok', { hasText: 'live' }).waitFor()
    expect(requests.filter((request) => request.url.includes(KEY))).toEqual([])
    const stored = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')
    expect(stored).toBe('[{},{}]')
    await page.reload()
    await key.fill(KEY)
    await page.getByLabel('until this tab is closed').check()
    await page.getByRole('button', { name: 'Use key' }).click()
    await page.locator('.state.ok', { hasText: 'live' }).waitFor()
    await page.reload()
    await page.locator('.state.ok', { hasText: 'live' }).waitFor()
    await page.getByRole('button', { name: 'Forget key' }).click()
    await page.reload()
    await key.waitFor()
    expect(server.output).not.toContain(KEY)
  })
})

describe('the other pages', () => {
  test('tell of an engine, of a stream and of what happened, and a text of a caller stays a text', async () => {
    const server = await started()
    const engine = await mustProvision(server)
    const { container_name } = engine
    const id = '<img src=x onerror=alert(1)>'
    await play(server, engine, id)
    const { page, complaints, refused } = await open(
      `${server.url}/panel#/engine/${container_name}`,
      1280,
      800,
    )
    await page.getByRole('heading', { name: container_name }).waitFor()
    await page.goto(`${server.url}/panel#/stream/${encodeURIComponent(id)}`)
    await page.getByRole('term').getByText('Behind live').waitFor()
    await page.locator('.chart').first().waitFor()
    await page.locator('.entries li', { hasText: 'stream.started' }).waitFor()
    await page.getByRole('link', { name: 'Journal' }).click()
    await page.locator('.entries li', { hasText: 'stream.started' }).waitFor()
    await page.getByLabel('Kind').selectOption('vpn')
    await page.getByText('No entry matches this filter').waitFor()
    expect(page.url()).toEndWith('/panel#/journal?kind=vpn')
    await page.goBack()
    await page.locator('.entries li', { hasText: 'stream.started' }).waitFor()
    expect(await page.locator('#panel img').count()).toBe(0)
    expect([...complaints, ...refused]).toEqual([])
  })
})
