import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { until } from '../support/docker.ts'
import { FeedFront } from '../support/feed-front.ts'
import { openTestSite, type TestSite } from '../support/fleet.ts'
import { openPage, startChromium, startTabs, type Tabs } from '../support/panel-browser.ts'
import type { TestServer } from '../support/server.ts'

/* The live feed between a real server and a real Chromium, with a proxy between them that does what proxies do. */

setDefaultTimeout(120_000)

/** Before this time nothing is said of a loss. */
const GRACE_MS = 5_000

let site: TestSite
let server: TestServer
let browser: Browser
let ids = 0

beforeAll(async () => {
  site = await openTestSite()
  server = site.server()
  await server.start()
  browser = await startChromium()
}, 240_000)
afterAll(async () => {
  await browser?.close()
  await site?.cleanUp()
})

/** Writes entries into the journal: streams on engines of others, which need no container. */
async function happen(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const url = 'http://192.0.2.1:6878/ace/stat/a/b'
    const id = `stream-${++ids}`
    const answer = await server.post('/events/stream_started', {
      engine: { host: '192.0.2.1', port: 6878 },
      stream: { key_type: 'url', key: url },
      session: { playback_session_id: id, stat_url: url, command_url: url, is_live: 1 },
      labels: { stream_id: id },
    })
    expect(answer.status).toBe(200)
    if (n % 3 === 0) await server.post('/events/stream_ended', { stream_id: id, reason: 'eof' })
  }
}

/** The times of the entries of the journal that are on the page, as the server gave them. */
const shownTimes = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(`[...document.querySelectorAll('main ol li > time')].map((each) => each.dateTime)`)

/** Waits until the page shows exactly what the journal has. */
async function untilWhole(page: Page): Promise<void> {
  await until('the page shows the whole journal, each entry once', async () => {
    const { events } = await server.get<{ events: { at: string }[] }>('/events?limit=1000')
    return (await shownTimes(page)).join() === events.map(({ at }) => at).join()
  })
}

const isLive = (page: Page) => page.locator('.head [role=status]', { hasText: 'live' }).waitFor()
const banner = (page: Page) => page.getByRole('alert').filter({ hasText: 'Not live' })

/** A page with the journal, behind a proxy of its own. */
async function journalPage(front: FeedFront): Promise<Page> {
  const { page } = await openPage(browser, `${front.url}/panel#/journal`)
  return page
}

/** Waits for the banner. Returns how long it took. */
async function bannerAfterMs(page: Page, sinceMs: number): Promise<number> {
  await banner(page).waitFor({ timeout: 60_000 })
  return performance.now() - sinceMs
}

/** The page asks for the engines now and then, although it has no feed. */
async function isPolling(front: FeedFront): Promise<void> {
  const before = front.asked.engines
  await until('the page asks by itself', () => front.asked.engines > before + 1)
}

async function isWholeWhenBack(page: Page): Promise<void> {
  await isLive(page)
  await banner(page).waitFor({ state: 'detached' })
  await happen(2)
  await untilWhole(page)
}

describe.concurrent('a feed', () => {
  test('that breaks, and is refused with 502 from then on', async () => {
    const front = new FeedFront(server.url)
    const page = await journalPage(front)
    await isLive(page)
    front.set('refused')
    front.cut()
    const lostMs = performance.now()
    expect(await bannerAfterMs(page, lostMs)).toBeGreaterThan(GRACE_MS - 1_500)
    expect(await banner(page).textContent()).toContain('502')
    await happen(4)
    await isPolling(front)
    // What is polled has the journal as well.
    await untilWhole(page)
    await happen(4)
    front.set('open')
    await isWholeWhenBack(page)
    await page.context().close()
    await front.stop()
  })

  test('that breaks for a moment, of which nothing is said', async () => {
    const front = new FeedFront(server.url)
    const page = await journalPage(front)
    await isLive(page)
    const asked = front.asked.engines
    front.cut()
    await happen(4)
    await until('it is read again', () => front.readers === 1)
    await isLive(page)
    await untilWhole(page)
    expect(await banner(page).count()).toBe(0)
    expect(front.asked.engines).toBe(asked)
    await page.context().close()
    await front.stop()
  })

  test('that a proxy holds back from the beginning, and passes on after all', async () => {
    const front = new FeedFront(server.url)
    front.set('held')
    const beganMs = performance.now()
    const page = await journalPage(front)
    await bannerAfterMs(page, beganMs)
    await happen(4)
    await isPolling(front)
    await untilWhole(page)
    await happen(4)
    front.set('open')
    await isWholeWhenBack(page)
    expect(front.asked.feed).toBe(1)
    await page.context().close()
    await front.stop()
  })

  test('that goes silent without an end, and comes when it is asked for again', async () => {
    const front = new FeedFront(server.url)
    const page = await journalPage(front)
    await isLive(page)
    front.set('silent')
    const silentMs = performance.now()
    // A silence of 30 s is a loss, which began with the last that was heard: so it is told at once.
    const tookMs = await bannerAfterMs(page, silentMs)
    expect(tookMs).toBeWithin(23_000, 45_000)
    await happen(4)
    await isPolling(front)
    await happen(4)
    front.set('open')
    await page.getByRole('button', { name: 'Try now' }).click()
    await isWholeWhenBack(page)
    await page.context().close()
    await front.stop()
  })
})

describe.concurrent('seven tabs', () => {
  test('load all although a browser has six connections, and those that nobody sees give theirs up', async () => {
    const front = new FeedFront(server.url)
    const tabs: Tabs = await startTabs()
    const hidden: Page[] = []
    for (let n = 0; n < 6; n++) hidden.push(await tabs.openHidden(`${front.url}/panel`))
    for (const page of hidden) expect(await page.evaluate('document.visibilityState')).toBe('hidden')
    const seen = await tabs.open(`${front.url}/panel`)
    await isLive(seen)
    await seen.locator('.verdict').waitFor()
    await until('only the tab that is seen has a feed', () => front.readers === 1)
    for (const page of hidden) {
      await page.bringToFront()
      await isLive(page)
      await page.locator('.verdict').waitFor()
    }
    await until('only the last one has a feed', () => front.readers === 1)
    await tabs.close()
    await front.stop()
  })
})
