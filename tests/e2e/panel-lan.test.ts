import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { seriousFaults } from '../support/axe.ts'
import { buildBinary } from '../support/binary.ts'
import { until } from '../support/docker.ts'
import { openTestSite, type TestSite } from '../support/fleet.ts'
import { type FleetRow, openViewer, untilReady, type Viewer } from '../support/lifecycle.ts'
import {
  foreignRequests,
  hasNoSidewaysScroll,
  type OpenedPage,
  openPage,
  picture,
  startChromium,
} from '../support/panel-browser.ts'
import type { TestServer } from '../support/server.ts'
import { answerOf, authorize, tryOut } from '../support/swagger-ui.ts'

/*
 * The page as most people open it: from the binary, by plain http, at an address of the LAN. A browser takes that for no
 * secure context, in which parts of its API are missing.
 */

setDefaultTimeout(120_000)

const KEY = 'a-key-for-the-browser-0123456789'
const ENGINES = 3
/** A proxy may name its stream and its content as it likes. */
const IMAGE = '<img src=x onerror=alert(1)>'
const SIZES = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
] as const
const SCHEMES = ['light', 'dark'] as const

const folder = mkdtempSync(join(tmpdir(), 'roundhouse-lan-'))
const viewers: Viewer[] = []
let site: TestSite
let server: TestServer
let browser: Browser
let base: string
let engines: FleetRow[]

beforeAll(async () => {
  site = await openTestSite()
  const program = process.env.ROUNDHOUSE_TEST_PROGRAM ?? buildBinary(folder)
  const env = { BIND: '0.0.0.0', API_KEY: KEY, COLLECT_INTERVAL_S: '1', MAX_REPLICAS: '4' }
  server = site.server(env, program)
  await server.start()
  base = `http://${ownAddress()}:${server.port}`
  await post(`/scale/${ENGINES}`)
  engines = await untilReady(server, ENGINES, 60_000)
  const [first, second] = engines
  if (first === undefined || second === undefined) throw new Error('there is no engine to play on')
  await play(first, 'watched', 'c'.repeat(40))
  await play(second, IMAGE, `http://192.0.2.1/${IMAGE}`)
  browser = await startChromium()
}, 240_000)
afterAll(async () => {
  for (const viewer of viewers) viewer.leave()
  await browser?.close()
  await site?.cleanUp()
  rmSync(folder, { recursive: true })
})

/** An address at which other machines reach this one. Throws if it has none. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal)
  if (found === undefined) throw new Error('This test needs an address that is not of the loopback.')
  return found.address
}

/** Posts with the key. Throws unless the answer is 200. */
async function post(path: string, body: object = {}): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` }
  const answer = await server.post(path, body, { headers })
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
}

/** Plays on an engine until the end of the tests, and reports that as a proxy does that has the key. */
async function play({ port }: FleetRow, id: string, key: string): Promise<void> {
  const viewer = await openViewer(port)
  viewers.push(viewer)
  const session = {
    playback_session_id: crypto.randomUUID(),
    stat_url: viewer.statUrl,
    command_url: viewer.statUrl.replace('/stat/', '/cmd/'),
    is_live: 1,
  }
  await post('/events/stream_started', {
    engine: { host: '127.0.0.1', port },
    stream: { key_type: key.startsWith('http') ? 'url' : 'infohash', key },
    session,
    labels: { stream_id: id },
  })
}

/** Each page of the panel by its name: its address, and what is there when it is complete. */
const pages = (): readonly (readonly [name: string, hash: string, complete: string])[] => [
  ['overview', 'overview', `.engines tbody tr >> nth=${ENGINES - 1}`],
  ['engine', `engine/${engines[0]?.container_name}`, '.chart canvas'],
  ['stream', 'stream/watched', '.chart canvas'],
  ['stream-image', `stream/${encodeURIComponent(IMAGE)}`, '.chart canvas'],
  ['journal', 'journal', 'main ol li'],
  ['plan', 'plan', 'section[aria-label=Wanted]'],
]

const isLive = (page: Page) => page.locator('.head [role=status]', { hasText: 'live' }).waitFor()

/** Goes to a page of the panel that is open. */
async function goTo(page: Page, hash: string, complete: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${hash}`)}`)
  await page.locator(complete).first().waitFor()
  await page.locator('.loading').waitFor({ state: 'detached' })
}

const UNAUTHORIZED = 'Failed to load resource: the server responded with a status of 401 (Unauthorized)'

/** Asserts that a page asked so often without a key, complained of nothing else, loaded nothing from elsewhere, and took no text for an element. */
async function isClean(opened: OpenedPage, unkeyed = 0): Promise<void> {
  const { page, complaints, refused } = opened
  expect(complaints).toEqual([])
  await until('the browser has told what was refused', () => refused.length >= unkeyed)
  expect(refused).toEqual(Array<string>(unkeyed).fill(UNAUTHORIZED))
  expect(foreignRequests(opened, base)).toEqual([])
  expect(await page.locator('#panel img').count()).toBe(0)
}

async function isInViewport(page: Page, selector: string): Promise<boolean> {
  const [box, size] = [await page.locator(selector).boundingBox(), page.viewportSize()]
  if (box === null || size === null) return false
  return box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height
}

const ANSWERS = ['.verdict', ...[0, 1, 2, 3].map((n) => `.tile >> nth=${n}`)]

describe.each(SIZES)('at $width by $height', (size) => {
  test.each(SCHEMES)('in %s every page is clean, and nobody is kept from using it', async (scheme) => {
    const opened = await openPage(browser, `${base}/panel`, size, scheme)
    const { page } = opened
    await isLive(page)
    expect(await page.evaluate('isSecureContext')).toBe(false)
    const faults: (readonly [string, readonly string[]])[] = []
    for (const [name, hash, complete] of pages()) {
      await goTo(page, hash, complete)
      if (name === 'overview')
        for (const answer of ANSWERS)
          expect([answer, await isInViewport(page, answer)]).toEqual([answer, true])
      await picture(page, `${name}-${size.width}-${scheme}`)
      faults.push([name, await seriousFaults(page)])
    }
    expect(faults.filter(([, found]) => found.length > 0)).toEqual([])
    // The page of an engine asks for its log before it has a key.
    await isClean(opened, 1)
    await page.context().close()
  })
})

test('at 320 pixels no page has to be scrolled sideways, also with a form or a dialog', async () => {
  const opened = await openPage(browser, `${base}/panel`, { width: 320, height: 640 })
  const { page } = opened
  const fits: (readonly [string, boolean])[] = []
  for (const [name, hash, complete] of pages()) {
    await goTo(page, hash, complete)
    fits.push([name, await hasNoSidewaysScroll(page)])
  }
  await goTo(page, 'overview', '.verdict')
  await page.getByRole('button', { name: 'Provision' }).click()
  await page.getByLabel(/API key/).waitFor()
  fits.push(['key', await hasNoSidewaysScroll(page)])
  await picture(page, 'key-320-light')
  await openDialog(page)
  fits.push(['dialog', await hasNoSidewaysScroll(page)])
  await picture(page, 'dialog-320-light')
  expect(fits.filter(([, fit]) => !fit)).toEqual([])
  await page.context().close()
})

/** Asks to destroy the engine whose stream has a name like an element. */
async function openDialog(page: Page): Promise<void> {
  await goTo(page, `engine/${engines[1]?.container_name}`, '.acts')
  await page.getByRole('button', { name: 'Destroy…' }).click()
  await page.getByRole('alertdialog').getByText(IMAGE).waitFor()
}

test.each(SCHEMES)('in %s a form for the key and a dialog keep nobody from using them', async (scheme) => {
  const opened = await openPage(browser, `${base}/panel`, SIZES[0], scheme)
  const { page, complaints, refused } = opened
  await isLive(page)
  await page.getByRole('button', { name: 'Provision' }).click()
  await page.getByLabel(/API key/).waitFor()
  const key = await seriousFaults(page)
  await openDialog(page)
  const dialog = await seriousFaults(page)
  await picture(page, `dialog-1280-${scheme}`)
  expect({ key, dialog }).toEqual({ key: [], dialog: [] })
  expect(complaints).toEqual([])
  // The provision and the log of an engine, without a key.
  expect(refused).toHaveLength(2)
  await page.context().close()
})

test('the page of the binary is sent in less than 100 kB, and has less than 1 MB in it', async () => {
  const { page } = await openPage(browser, `${base}/panel`)
  await isLive(page)
  const files = await page.evaluate<readonly { readonly sent: number; readonly whole: number }[]>(
    `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter(({ name }) => name.includes('/panel'))
      .map(({ encodedBodySize: sent, decodedBodySize: whole }) => ({ sent, whole }))`,
  )
  const sum = (of: 'sent' | 'whole') => files.reduce((total, file) => total + file[of], 0)
  console.log(`the page: ${files.length} files, ${sum('whole')} bytes, sent as ${sum('sent')}`)
  expect(files.length).toBeGreaterThanOrEqual(3)
  expect(sum('sent')).toBeWithin(10_000, 100_000)
  expect(sum('whole')).toBeLessThan(1_000_000)
  await page.context().close()
})

test('an engine is provisioned with the key, although this is no secure context', async () => {
  const opened = await openPage(browser, `${base}/panel`)
  const { page, complaints } = opened
  await page.getByRole('button', { name: 'Provision' }).click()
  await page.getByLabel(/API key/).fill(KEY)
  await page.keyboard.press('Enter')
  await page.locator('.outcome', { hasText: 'runs' }).waitFor()
  expect(complaints).toEqual([])
  expect(foreignRequests(opened, base)).toEqual([])
  await page.context().close()
})

test('Swagger UI takes the key, tries things out, complains of nothing and asks nobody else', async () => {
  const opened = await openPage(browser, `${base}/swagger`)
  const { page, complaints, refused } = opened
  await authorize(page, KEY)
  await tryOut(page, 'listEngines')
  await answerOf(page, 'listEngines').getByText('container_name').first().waitFor()
  await tryOut(page, 'collectGarbage')
  await answerOf(page, 'collectGarbage').getByText('reaped').first().waitFor()
  expect([...complaints, ...refused]).toEqual([])
  expect(foreignRequests(opened, base)).toEqual([])
  await page.context().close()
})
