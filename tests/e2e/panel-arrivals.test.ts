import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { until } from '../support/docker.ts'
import { mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import { scale, untilReady } from '../support/lifecycle.ts'
import { openPage, startChromium } from '../support/panel-browser.ts'
import type { TestServer } from '../support/server.ts'

/* Engines that others start while somebody looks at the overview. */

setDefaultTimeout(120_000)

/** Engines that are there before. */
const KEPT = 8
const ARRIVALS = 10
/** It is promised in 300 ms; a busy machine may be late. The figures are printed. */
const SOON_MS = 3_000

let site: TestSite
let server: TestServer
let browser: Browser

beforeAll(async () => {
  site = await openTestSite()
  server = site.server({ MAX_REPLICAS: String(KEPT + 1 + ARRIVALS) })
  await server.start()
  browser = await startChromium()
}, 240_000)
afterAll(async () => {
  await browser?.close()
  await site?.cleanUp()
})

/** Notes when the page shows each engine first, by the machine's clock. */
const NOTE_ARRIVALS = `
  window.arrived = {}
  new MutationObserver(() => {
    for (const { textContent: name } of document.querySelectorAll('.engines tbody th'))
      window.arrived[name] ??= Date.now()
  }).observe(document.querySelector('main'), { subtree: true, childList: true })`

const namesOn = (page: Page): Promise<string[]> => page.locator('.engines tbody th').allTextContents()

test('an arrival moves no row, and leaves selection, focus, scroll and filter as they are', async () => {
  await scale(server, KEPT)
  await untilReady(server, KEPT)
  const path = '/panel#/overview?state=free&sort=-name'
  const { page } = await openPage(browser, `${server.url}${path}`, { width: 1280, height: 400 })
  await until('all are on the page', async () => (await namesOn(page)).length === KEPT)
  const before = await namesOn(page)
  const link = page.locator('.engines tbody a').nth(4)
  await link.focus()
  await page.evaluate(`getSelection().selectAllChildren(document.querySelectorAll('.engines tbody th')[2])`)
  await page.evaluate('scrollTo(0, 150)')
  await scale(server, KEPT + 1)
  await until('one more is among the free ones', async () => (await namesOn(page)).length > KEPT)
  expect((await namesOn(page)).slice(0, KEPT)).toEqual(before)
  expect(
    await page.evaluate<object>(`({
      selected: String(getSelection()),
      focused: document.activeElement.textContent,
      scrolled: scrollY,
      filtered: document.querySelector('.filters [aria-current]').textContent,
    })`),
  ).toEqual({ selected: before[2], focused: before[4], scrolled: 150, filtered: `free ${KEPT + 1}` })
  expect(page.url()).toEndWith(path)
  await page.context().close()
})

test('the row of an engine that a POST starts is there before the POST is answered, or soon after', async () => {
  const { page } = await openPage(browser, `${server.url}/panel`)
  await until('the page shows those that run', async () => (await namesOn(page)).length > KEPT)
  await page.evaluate(NOTE_ARRIVALS)
  const times: { readonly sent: number; readonly answered: number }[] = []
  for (let n = 0; n < ARRIVALS; n++) {
    const sentMs = Date.now()
    const { container_name: name } = await mustProvision(server)
    const answeredMs = Date.now()
    const at = await until(`${name} is on the page`, () =>
      page.evaluate<number | undefined>(`window.arrived[${JSON.stringify(name)}]`),
    )
    times.push({ sent: at - sentMs, answered: at - answeredMs })
  }
  for (const since of ['sent', 'answered'] as const) {
    const each = times.map((time) => time[since]).toSorted((a, b) => a - b)
    console.log(`from the POST ${since} to its row, of ${ARRIVALS}, in ms: ${each.join(' ')}`)
  }
  expect(Math.max(...times.map(({ sent }) => sent))).toBeLessThan(SOON_MS)
  await page.context().close()
})
