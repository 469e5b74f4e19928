import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { until } from '../support/docker.ts'
import { mustProvision, openTestSite, type Provisioned, type TestSite } from '../support/fleet.ts'
import { openPage, picture, startChromium } from '../support/panel-browser.ts'
import type { TestServer } from '../support/server.ts'

/* The journal in a real Chromium at a real orchestrator. */

setDefaultTimeout(90_000)

const PHONE = { width: 390, height: 844 }

let site: TestSite
let browser: Browser
const closers: (() => unknown)[] = []

beforeAll(async () => {
  site = await openTestSite()
  browser = await startChromium()
}, 240_000)
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
  await site.cleanUp()
})
afterAll(async () => {
  await browser?.close()
  await site?.cleanUp()
})

/** A server with one engine that is ready, so that nothing more happens by itself. */
async function started(): Promise<{ readonly server: TestServer; readonly engine: Provisioned }> {
  const server = site.server({ MAX_REPLICAS: '4' })
  await server.start()
  const engine = await mustProvision(server)
  await until('it is ready', async () => {
    const { events } = await server.get<{ events: unknown[] }>('/events?kind=engine.ready')
    return events.length === 1
  })
  return { server, engine }
}

async function open(server: TestServer, hash = '#/journal', viewport?: typeof PHONE) {
  const opened = await openPage(browser, `${server.url}/panel${hash}`, viewport)
  closers.push(() => opened.page.context().close())
  await opened.page.locator('.state.ok', { hasText: 'live' }).waitFor()
  return opened
}

const lines = (page: Page) => page.locator('.entries li')
/** Two entries: a stream starts on an engine, and is ended by its proxy. */
async function playBriefly(server: TestServer, engine: Provisioned, id: string): Promise<void> {
  await play(server, engine, id)
  const answer = await server.post('/events/stream_ended', { stream_id: id, reason: 'closed' })
  expect(answer.status).toBe(200)
}

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

test('filters and words are in the address, lead there from an engine and a stream, and say what to clear', async () => {
  const { server, engine } = await started()
  await playBriefly(server, engine, 'one')
  await playBriefly(server, engine, 'two')
  const { page, complaints } = await open(server, `#/engine/${engine.container_name}`)
  await page.getByRole('link', { name: 'All entries' }).click()
  await lines(page).filter({ hasText: 'engine.ready' }).waitFor()
  expect(await page.getByLabel('Engine').inputValue()).toBe(engine.container_name)

  await page.getByLabel('Kind').selectOption('stream')
  await until('only streams are shown', async () => (await lines(page).count()) === 4)
  await page.getByLabel('Find in the journal').fill('STARTED two')
  await until('only that is shown', async () => (await lines(page).count()) === 1)
  expect(page.url()).toEndWith(`#/journal?kind=stream&engine=${engine.container_name}&find=STARTED+two`)
  await page.reload()
  await until('it is shown again', async () => (await lines(page).count()) === 1)
  await picture(page, 'journal-filtered-1280-light')
  await lines(page).getByRole('link', { name: 'two', exact: true }).click()
  await page.getByRole('link', { name: 'All entries' }).click()
  await until('its two entries are shown', async () => (await lines(page).count()) === 2)
  expect(await page.getByLabel('Find in the journal').inputValue()).toBe('')

  await page.getByLabel('Kind').selectOption('vpn.down')
  await page.getByText('No entry matches all of these filters').waitFor()
  await page.getByLabel('Since').selectOption('1h')
  await picture(page, 'journal-nothing-1280-light')
  await page
    .locator('li', { hasText: 'to see 2 entries' })
    .getByRole('link', { name: 'Clear kind vpn.down' })
    .click()
  await until('they are shown again', async () => (await lines(page).count()) === 2)
  await page.goBack()
  await page.getByText('No entry matches all of these filters').waitFor()
  await page.getByRole('link', { name: 'Clear filters' }).click()
  await lines(page).filter({ hasText: 'provision.started' }).waitFor()
  expect(page.url()).toEndWith('#/journal')
  expect(complaints).toEqual([])
})

test('what the server refuses is told in place', async () => {
  const { server } = await started()
  const { page } = await open(server, '#/journal?kind=No%20Such')
  await page.getByRole('alert').filter({ hasText: 'Not all of the journal is here' }).waitFor()
  expect(await page.getByLabel('Kind').inputValue()).toBe('No Such')
})

describe('a journal that is read', () => {
  test('is held still while it is paused, counts what came, and shows it', async () => {
    const { server, engine } = await started()
    const { page, complaints } = await open(server)
    await lines(page).filter({ hasText: 'engine.ready' }).waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    const before = await lines(page).allTextContents()
    await playBriefly(server, engine, 'one')
    const show = page.getByRole('button', { name: '2 new: show' })
    await show.waitFor()
    expect(await lines(page).allTextContents()).toEqual(before)
    await picture(page, 'journal-paused-1280-light')
    await show.click()
    await lines(page).filter({ hasText: 'stream.ended' }).waitFor()
    await page.getByText('Paused. Nothing new.').waitFor()
    await playBriefly(server, engine, 'two')
    await page.getByRole('button', { name: '2 new: show' }).waitFor()
    await page.getByRole('button', { name: 'Resume' }).click()
    await until('all is shown', async () => (await lines(page).count()) === before.length + 4)
    expect(complaints).toEqual([])
  })

  test('stays on screen when it is paused before the page has looked back', async () => {
    const { server } = await started()
    const { page } = await open(server, '#/overview')
    // The page asks for what was before by itself; the journal asks for its own newest page.
    await page.route('**/events?limit=500', () => undefined)
    await page.reload()
    await page.getByRole('link', { name: 'Journal' }).click()
    await lines(page).filter({ hasText: 'engine.ready' }).waitFor()
    const before = await lines(page).allTextContents()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('Paused. Nothing new.').waitFor()
    expect(await lines(page).allTextContents()).toEqual(before)
  })

  test('shows under another filter what was there when it was paused', async () => {
    const { server } = await started()
    const { page } = await open(server, '#/overview')
    await page.getByLabel('Last hour').getByRole('listitem').first().waitFor()
    await page.evaluate("location.hash = '#/journal?kind=vpn.down'")
    await page.getByText('No entry matches this filter').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('link', { name: 'Clear kind vpn.down' }).click()
    await lines(page).filter({ hasText: 'engine.ready' }).waitFor()
    await page.getByText('Paused. Nothing new.').waitFor()
  })

  test('moves nothing under a reader who has scrolled down, and goes back page by page', async () => {
    const { server, engine } = await started()
    for (let n = 0; n < 60; n++) await playBriefly(server, engine, `stream-${n}`)
    const { page, complaints } = await open(server)
    await until('one page is shown', async () => (await lines(page).count()) === 100)
    const line = lines(page).nth(60)
    await line.evaluate((element) => element.scrollIntoView({ block: 'center' }))
    // The page notices at its next drawing that its reader is away.
    await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
    const place = await line.boundingBox()
    await playBriefly(server, engine, 'new')
    const show = page.getByRole('button', { name: '2 new: show' })
    await show.waitFor()
    expect(await line.boundingBox()).toEqual(place)
    await picture(page, 'journal-held-1280-light')
    await show.click()
    await until('the newest is in sight', async () => {
      const box = await lines(page).first().boundingBox()
      return box !== null && box.y >= 0 && (await lines(page).first().textContent())?.includes('new')
    })
    expect(await lines(page).count()).toBe(102)

    await page.getByRole('button', { name: 'Show older' }).click()
    await page.getByText('That is all.').waitFor()
    const { events } = await server.get<{ events: unknown[] }>('/events?limit=1000')
    expect(await lines(page).count()).toBe(events.length)
    expect(complaints).toEqual([])
  })

  test('has its filters folded away on a phone, with how many are set', async () => {
    const { server } = await started()
    const { page, complaints } = await open(server, '#/journal?kind=engine&since=1h', PHONE)
    const button = page.getByRole('button', { name: 'Filters 2' })
    await button.waitFor()
    expect(await page.getByLabel('Kind').isVisible()).toBe(false)
    await picture(page, 'journal-390-light')
    await button.click()
    await page.getByLabel('Kind').selectOption('')
    await page.getByRole('button', { name: 'Filters 1' }).waitFor()
    for (const width of [390, 320]) {
      await page.setViewportSize({ width, height: PHONE.height })
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    }
    await page.getByRole('button', { name: 'Filters 1' }).click()
    await page.keyboard.press('/')
    await until(
      'the field has the focus',
      async () => (await page.evaluate('document.activeElement.type')) === 'search',
    )
    expect(complaints).toEqual([])
  })
})
