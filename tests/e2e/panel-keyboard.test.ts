import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { until } from '../support/docker.ts'
import { type EngineRow, mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import { startViewing, streamOf } from '../support/lifecycle.ts'
import { openPage, startChromium } from '../support/panel-browser.ts'
import type { TestServer } from '../support/server.ts'

/* The page for people without a pointer, in a real Chromium at a real orchestrator. */

setDefaultTimeout(90_000)

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

async function started(): Promise<TestServer> {
  const server = site.server({ MAX_REPLICAS: '4' })
  await server.start()
  return server
}

/** Opens a page, and waits until it is live. */
async function open(server: TestServer, hash = ''): Promise<{ page: Page; complaints: readonly string[] }> {
  const opened = await openPage(browser, `${server.url}/panel${hash}`)
  closers.push(() => opened.page.context().close())
  await opened.page.locator('.state.ok', { hasText: 'live' }).waitFor()
  return opened
}

const focused = (page: Page) => page.evaluate<string>('document.activeElement.textContent')
const press = async (page: Page, ...keys: string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key)
}
/** What `t` switches is seen at the age of an engine. */
const age = (page: Page) => page.locator('td[data-name="Age"]').first().textContent()

/** Presses Tab until the element of these words has the focus. */
async function tabTo(page: Page, words: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(page)) === words) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`no press of Tab leads to ${words}`)
}

test('with the keyboard alone an engine is provisioned, found in the journal, opened, and its stream stopped', async () => {
  const server = await started()
  const { page, complaints } = await open(server)
  await tabTo(page, 'Provision')
  await press(page, 'Enter')
  await page.locator('.told', { hasText: 'Provision: acestream-' }).waitFor()
  const engine = await until('an engine is ready', async () => {
    const [first] = await server.get<EngineRow[]>('/engines')
    return first?.status === 'ready' && first.container_id !== null ? first : null
  })
  const { container_id, container_name, port } = engine
  if (container_id === null || container_name === null) throw new Error('no engine')
  const viewer = await startViewing(server, { container_id, port }, 'watched')
  closers.push(() => viewer.leave())

  await press(page, 'g', 'j')
  await page.locator('.entries li', { hasText: 'stream.started' }).waitFor()
  await press(page, '/')
  await page.keyboard.type('stream.started')
  await press(page, 'Enter')
  await until('what was found has the focus', async () => (await focused(page)) === container_name)
  expect(await page.locator('.entries li').count()).toBe(1)
  expect(page.url()).toEndWith('#/journal?find=stream.started')
  await press(page, 'Enter')
  await page.getByRole('heading', { name: container_name }).waitFor()

  await tabTo(page, 'watched')
  await press(page, 'Enter')
  await tabTo(page, 'Stop…')
  await press(page, 'Enter')
  await page.getByRole('alertdialog').waitFor()
  // A dialog has its own keys, and these are none of them.
  await press(page, 'j', '?', 't', 'g', 'o')
  expect(await focused(page)).toBe('Cancel')
  await tabTo(page, 'Cut this stream')
  await press(page, 'Enter')
  await page.locator('.before', { hasText: 'it has ended' }).waitFor()
  expect((await streamOf(server, 'watched'))?.end_reason).toBe('stopped_by_operator')
  expect(complaints).toEqual([])
})

describe('single keys', () => {
  test('go from row to row and from page to page, and are letters in a text', async () => {
    const server = await started()
    const names = [(await mustProvision(server)).container_name, (await mustProvision(server)).container_name]
    const { page } = await open(server)
    await page.locator('.engines tbody tr').nth(1).waitFor()
    const rows = page.locator('.engines tbody th a')
    await rows.first().focus()
    const inOrder = await rows.allTextContents()
    expect(inOrder.toSorted()).toEqual(names.toSorted())
    await press(page, 'j')
    expect(await focused(page)).toBe(inOrder[1] ?? '')
    await press(page, 'j', 'k')
    expect(await focused(page)).toBe(inOrder[0] ?? '')

    expect(await age(page)).toMatch(/^\d+ (s|min)$/)
    await press(page, 'Control+t', 'Alt+t', 'Shift+T')
    expect(await age(page)).toMatch(/^\d+ (s|min)$/)
    await press(page, 't')
    expect(await age(page)).toMatch(/\d\d:\d\d:\d\d/)
    await press(page, 't')

    await press(page, 'g', 'p')
    await page.getByText('Wanted: ').waitFor()
    await page.getByLabel('Engines to keep').focus()
    await press(page, 'g', 'o', '?', 'Tab')
    expect(page.url()).toEndWith('#/plan')
    expect(await page.getByRole('dialog').count()).toBe(0)
    await press(page, 'g', 'j')
    const find = page.getByLabel('Find in the journal')
    await find.waitFor()
    await press(page, '/')
    await page.keyboard.type('tj?go/')
    expect(await find.inputValue()).toBe('tj?go/')
    await until('it is searched', () => page.url().includes('find='))
    await press(page, 'Escape')
    expect(await find.inputValue()).toBe('')
    await until('it is searched no more', () => page.url().endsWith('#/journal'))
    await press(page, 'Escape', 'g', 'o')
    await page.locator('.engines').waitFor()
    expect(await age(page)).toMatch(/^\d+ (s|min)$/)
    // None of them did anything to an engine.
    expect((await server.get<EngineRow[]>('/engines')).length).toBe(2)
  })

  test('are listed by ?, and can be switched off for good', async () => {
    const server = await started()
    const { page, complaints } = await open(server)
    await press(page, '?')
    const dialog = page.getByRole('dialog', { name: 'Settings' })
    await dialog.getByText('next and previous row').waitFor()
    await dialog.getByLabel('single keys work').focus()
    await press(page, 'Space', 'Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.reload()
    await page.locator('.state.ok', { hasText: 'live' }).waitFor()
    await press(page, '?', 'g', 'j')
    expect(await dialog.count()).toBe(0)
    expect(page.url()).not.toContain('journal')
    await tabTo(page, 'Settings')
    await press(page, 'Enter')
    await dialog.getByLabel('single keys work').focus()
    await press(page, 'Space', 'Escape')
    expect(await focused(page)).toBe('Settings')
    await press(page, 'g', 'j')
    await page.getByRole('heading', { name: 'Journal' }).waitFor()
    expect(await page.evaluate('JSON.stringify({ ...localStorage })')).toBe('{}')
    expect(complaints).toEqual([])
  })
})
