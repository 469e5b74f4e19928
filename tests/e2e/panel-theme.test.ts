import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { until } from '../support/docker.ts'
import { openPage, picture, startChromium } from '../support/panel-browser.ts'
import { anEngine, aStatus, aStream, aVpn } from '../support/panel-builders.ts'
import { PanelServer } from '../support/panel-server.ts'

/* Light and dark, by the system and by choice, in a real Chromium at a feed that a test makes up. */

setDefaultTimeout(60_000)

const LIGHT = 'rgb(245, 247, 250)'
const DARK = 'rgb(14, 18, 23)'

let browser: Browser
let server: PanelServer
const closers: (() => unknown)[] = []
const secondsAgo = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString()

beforeAll(async () => {
  browser = await startChromium()
  server = new PanelServer(() => ({
    status: aStatus({ timestamp: secondsAgo(0) }),
    vpn: aVpn(),
    engines: [anEngine('acestream-1', { streams: ['watched'], first_seen: secondsAgo(600) })],
    streams: [aStream('watched', { started_at: secondsAgo(300), stats_at: secondsAgo(0) })],
  }))
  server.answers.set(
    '/streams/watched/stats',
    Array.from({ length: 60 }, (_, n) => ({
      ...{ ts: secondsAgo(300 - 5 * n), status: 'dl', peers: 7, speed_down: 300 + n, speed_up: 20 },
      ...{ downloaded: n, uploaded: 1, livepos: null },
    })),
  )
}, 60_000)
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

async function open(hash = '', prepare: (page: Page) => Promise<unknown> = async () => {}) {
  const opened = await openPage(browser, 'about:blank')
  closers.push(() => opened.page.context().close())
  await prepare(opened.page)
  await opened.page.goto(`${server.url}${hash}`)
  await opened.page.locator('.state.ok', { hasText: 'live' }).waitFor()
  return opened
}

/** The colours of the page, of the browser's bar, and of what the browser draws itself. */
const colours = (page: Page) =>
  page.evaluate<[string, string, string]>(`[
    getComputedStyle(document.body).backgroundColor,
    document.querySelector('meta[name="theme-color"]').content,
    getComputedStyle(document.documentElement).colorScheme,
  ]`)

async function choose(page: Page, theme: string): Promise<void> {
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('dialog').getByLabel(theme).check()
  await page.getByRole('button', { name: 'Close' }).click()
}

test('the page is as the system wants it, and as its user wants it from then on', async () => {
  const { page, complaints } = await open()
  expect(await colours(page)).toEqual([LIGHT, LIGHT, 'light dark'])
  await page.emulateMedia({ colorScheme: 'dark' })
  await until('it is dark', async () => (await colours(page))[1] === DARK)
  await page.emulateMedia({ colorScheme: 'light' })
  await until('it is light', async () => (await colours(page))[1] === LIGHT)

  await choose(page, 'dark')
  expect(await colours(page)).toEqual([DARK, DARK, 'dark'])
  await picture(page, 'chosen-1280-dark')
  // The first painting waits for the program, so what is seen first is seen in these colours.
  await page.reload()
  await page.evaluate('new Promise((painted) => requestAnimationFrame(painted))')
  expect(await colours(page)).toEqual([DARK, DARK, 'dark'])
  await choose(page, 'as the system')
  expect(await colours(page)).toEqual([LIGHT, LIGHT, 'light dark'])
  expect(await page.evaluate('JSON.stringify({ ...localStorage })')).toBe('{}')
  expect(complaints).toEqual([])
})

test('charts are drawn anew in the chosen colours', async () => {
  const { page } = await open('#/stream/watched')
  // A page that wants less motion draws a chart every ten seconds, so what comes sooner comes from the choice.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.reload()
  await page.locator('.chart canvas').first().waitFor()
  /** The brightest of the letters and lines of the first chart. */
  const brightest = () =>
    page.evaluate<number>(`(() => {
      const canvas = document.querySelector('.chart canvas')
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let most = 0
      for (let n = 0; n < data.length; n += 4) if (data[n + 3] === 255) most = Math.max(most, data[n + 1])
      return most
    })()`)
  const light = await brightest()
  await choose(page, 'dark')
  await until('it is drawn anew', async () => (await brightest()) !== light, 5_000)
})

test('where the browser keeps nothing, the page works and forgets', async () => {
  const { page, complaints } = await open('', (blank) =>
    blank.addInitScript(`for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, { get() { throw new DOMException('blocked', 'SecurityError') } })`),
  )
  await choose(page, 'dark')
  expect(await colours(page)).toEqual([DARK, DARK, 'dark'])
  await page.reload()
  await page.locator('.state.ok', { hasText: 'live' }).waitFor()
  expect(await colours(page)).toEqual([LIGHT, LIGHT, 'light dark'])
  expect(complaints).toEqual([])
})
