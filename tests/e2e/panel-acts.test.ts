import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { until } from '../support/docker.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import { type EngineRow, listedIds, mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import { startViewing, streamOf, type Viewer } from '../support/lifecycle.ts'
import { type OpenedPage, openPage, picture, startChromium, untilTrue } from '../support/panel-browser.ts'
import type { TestServer } from '../support/server.ts'

/* What can be done from the page for people, in a real Chromium at a real orchestrator. */

setDefaultTimeout(90_000)

const KEY = 'a-key-for-the-browser-0123456789'
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

async function started(env: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const server = site.server({ MAX_REPLICAS: '4', PROVISION_DEADLINE_MS: '20000', ...env })
  await server.start()
  return server
}

async function open(url: string, viewport?: { width: number; height: number }): Promise<OpenedPage> {
  const opened = await openPage(browser, url, viewport)
  closers.push(() => opened.page.context().close())
  return opened
}

/** A viewer who plays on an engine, until the end of the test. */
async function watch(
  server: TestServer,
  { container_id, host_http_port }: { readonly container_id: string; readonly host_http_port: number },
  id: string,
): Promise<Viewer> {
  // Its container answers before its engine does.
  await until('the engine answers', async () => {
    const engines = await server.get<{ container_id: string; health_status: string }[]>('/engines')
    return engines.some((each) => each.container_id === container_id && each.health_status === 'healthy')
  })
  const viewer = await startViewing(server, { container_id, port: host_http_port }, id)
  closers.push(() => viewer.leave())
  return viewer
}

/** Waits until the page tells of an act in these words. Throws with what it tells instead, such as a refusal. */
async function told(page: Page, words: string): Promise<void> {
  const line = page.locator('.told')
  await line
    .filter({ hasText: words })
    .waitFor()
    .catch(async (error: Error) => {
      const verdict = await page.locator('.verdict').allInnerTexts()
      throw new Error(`${error.message}\ntold: ${await line.allTextContents()}\nverdict: ${verdict}`)
    })
}

const posts = ({ requests }: OpenedPage, path: string): number =>
  requests.filter(({ method, url }) => method !== 'GET' && new URL(url).pathname.startsWith(path)).length
/** What has the focus, by its words. */
const focused = (page: Page) => page.evaluate<string>('document.activeElement.textContent')

/** Presses Tab until the element of these words has the focus. */
async function tabTo(page: Page, words: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(page)) === words) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`no press of Tab leads to ${words}`)
}

/** Presses Enter at the element of these words, once what it does can be done: Docker is silent for a moment in a crowd of tests. */
async function enter(page: Page, words: string): Promise<void> {
  await tabTo(page, words)
  await untilTrue(page, "document.activeElement.ariaDisabled !== 'true'")
  await page.keyboard.press('Enter')
}

describe('provision by a click', () => {
  test('that takes longer than a caller waits is told as under way, and starts one engine', async () => {
    const server = await started({ PROVISION_DEADLINE_MS: '1', UNCLAIMED_TTL_S: '1' })
    const { page } = await open(`${server.url}/panel`)
    await page.getByRole('button', { name: 'Provision' }).click()
    await told(page, 'Provision: the engine is being started')
    await page.locator('.engines tbody tr', { hasText: /expected|free/ }).waitFor()
    expect(await server.get<EngineRow[]>('/engines?status=all')).toHaveLength(1)
  })

  test('starts one engine and says so in place; at the maximum it tells why, counts down and offers a retry', async () => {
    const server = await started({ MAX_REPLICAS: '1' })
    const opened = await open(`${server.url}/panel`, PHONE)
    const { page, complaints } = opened
    const keys: (string | undefined)[] = []
    page.on('request', (request) => {
      if (request.method() === 'POST') keys.push(request.headers()['idempotency-key'])
    })
    const button = page.getByRole('button', { name: 'Provision' })
    await button.click()
    const outcome = page.locator('.verdict .outcome')
    // Failures are told there, too: so that this test says what was refused.
    await told(page, 'Provision')
    expect(await outcome.textContent()).toContain('runs')
    const [engine] = await server.get<EngineRow[]>('/engines')
    expect(await outcome.textContent()).toContain(`${engine?.container_name} runs`)
    await page
      .getByRole('link', { name: engine?.container_name ?? '', exact: true })
      .first()
      .waitFor()
    await picture(page, 'provisioned-390-light')

    await button.click()
    const failure = page.locator('.verdict .failed')
    await failure.filter({ hasText: 'maximum capacity' }).waitFor()
    await failure.filter({ hasText: /It may work in \d+ s/ }).waitFor()
    await picture(page, 'refused-390-light')
    const eta = failure.locator('.eta')
    const shown = await eta.textContent()
    await until('the time counts down', async () => (await eta.textContent()) !== shown)
    expect(await server.get<EngineRow[]>('/engines')).toHaveLength(1)
    await failure.getByRole('button', { name: 'Retry' }).click()
    await until('the retry was sent', () => keys.length === 3)
    expect(keys[2]).toBe(keys[1])
    expect(keys[1]).not.toBe(keys[0])
    expect(complaints).toEqual([])
  })

  test('asks for the key when it is needed, tells a wrong one from a missing one, and then runs once', async () => {
    const server = await started({ API_KEY: KEY })
    const opened = await open(`${server.url}/panel`)
    const { page, requests, complaints } = opened
    await page.getByRole('button', { name: 'Provision' }).click()
    const key = page.getByLabel(/API key/)
    await page.getByText('changes need it').waitFor()
    await picture(page, 'key-1280-light')
    await untilTrue(page, `document.activeElement.type === 'password'`)
    await key.fill('wrong-key')
    await page.keyboard.press('Enter')
    await page.getByText('the one given is not that of this server').waitFor()
    await key.fill(KEY)
    await page.keyboard.press('Enter')
    await told(page, 'Provision: acestream-')
    expect(posts(opened, '/provision')).toBe(3)
    expect(await server.get<EngineRow[]>('/engines')).toHaveLength(1)
    expect(await focused(page)).toBe('Provision')
    expect(requests.filter(({ url }) => url.includes(KEY))).toEqual([])
    const stored = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')
    expect(stored).toBe('[{},{}]')
    expect(server.output).not.toContain(KEY)
    expect(complaints).toEqual([])
  })
})

describe('destroy of a busy engine', () => {
  test('names its streams, is cancelled by Enter, asks anew if one more starts, and its failure stays', async () => {
    const docker = await DockerProxy.open(site.docker.dockerHost)
    closers.push(() => docker.stop())
    const server = await started({ DOCKER_HOST: docker.dockerHost })
    const engine = await mustProvision(server)
    await watch(server, engine, 'one')
    const opened = await open(`${server.url}/panel#/engine/${engine.container_name}`)
    const { page, complaints } = opened
    const destroy = page.getByRole('button', { name: 'Destroy…' })
    const dialog = page.getByRole('alertdialog', { name: `Destroy ${engine.container_name}?` })
    await page.getByText('cuts 1 stream; asks first').waitFor()

    await destroy.click()
    await dialog.getByText('0123456789abcdef0123456789abcdef01234567').waitFor()
    await dialog.getByText(/playing for \d+ s/).waitFor()
    expect(await focused(page)).toBe('Cancel')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'hidden' })
    expect(await focused(page)).toBe('Destroy…')
    expect(posts(opened, '/containers')).toBe(0)

    await destroy.click()
    const confirm = dialog.locator('.danger')
    await confirm.focus()
    await watch(server, engine, 'two')
    await dialog.getByText('A stream has started since').waitFor()
    // Both within the time in which nobody can have read it.
    await confirm.dispatchEvent('click')
    expect(await confirm.getAttribute('aria-disabled')).toBe('true')
    expect(posts(opened, '/containers')).toBe(0)
    expect(await confirm.textContent()).toBe('Cut 2 streams and destroy')
    expect(await focused(page)).toBe('Cancel')
    await picture(page, 'destroy-1280-light')

    docker.cut()
    await confirm.click()
    await dialog.waitFor({ state: 'hidden' })
    const failure = page.locator('.acts .failed')
    await failure.filter({ hasText: 'Docker does not answer' }).waitFor()
    await page.locator('.before', { hasText: 'Docker is silent since' }).first().waitFor()
    expect(await destroy.getAttribute('aria-disabled')).toBe('true')
    await picture(page, 'docker-away-1280-light')
    await page.getByRole('link', { name: 'Journal' }).click()
    await page.goBack()
    await failure.waitFor()

    // The order stands, and is carried out when Docker is back. What was said of it stays until it is dismissed.
    docker.resume()
    await page.getByText('is not there any more').waitFor()
    await failure.getByRole('button', { name: 'Dismiss' }).click()
    await failure.waitFor({ state: 'detached' })
    expect(await listedIds(server)).toEqual([])
    expect(complaints).toEqual([])
  })
})

test('by keyboard alone an engine is provisioned, opened, drained, and a stream of it stopped', async () => {
  const server = await started()
  const { page } = await open(`${server.url}/panel`)
  await page.locator('.empty', { hasText: 'No engine runs' }).waitFor()
  await enter(page, 'Provision')
  await told(page, 'Provision: acestream-')
  const [engine] = await server.get<EngineRow[]>('/engines')
  if (engine?.container_id == null || engine.container_name === null) throw new Error('no engine')
  await watch(server, { container_id: engine.container_id, host_http_port: engine.port }, 'watched')
  await page.locator('.engines', { hasText: '1 stream' }).waitFor()
  await enter(page, engine.container_name)
  await enter(page, 'Drain')
  await told(page, 'goes when its stream has ended')
  await page.getByText('it is on its way out').waitFor()
  await picture(page, 'drained-1280-light')
  await enter(page, 'watched')
  await enter(page, 'Stop…')
  await page.getByRole('alertdialog').waitFor()
  expect(await focused(page)).toBe('Cancel')
  await page.keyboard.press('Escape')
  expect(await focused(page)).toBe('Stop…')
  // The browser tells the page of the close in a task of its own. A closed dialog has no role any more, and is still there.
  await page.locator('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('Enter')
  await enter(page, 'Cut this stream')
  await told(page, 'its engine stopped it')
  await page.locator('.before', { hasText: 'it has ended' }).waitFor()
  expect((await streamOf(server, 'watched'))?.end_reason).toBe('stopped_by_operator')
})

describe('the plan', () => {
  test('says what is wanted and why, scales by clicks, and tells what a full pass found', async () => {
    const server = await started()
    const { page, complaints } = await open(`${server.url}/panel#/plan`)
    await page.getByText('nobody watches, and none is kept').waitFor()
    const more = page.getByRole('button', { name: 'One more' })
    await more.click()
    await more.click()
    await page.getByText('0 → 2: starts 2').waitFor()
    await page.getByRole('button', { name: 'Scale' }).click()
    await told(page, 'Scale: 2 engines are kept')
    await page.getByText('2 are kept in any case').waitFor()
    await until('two engines are there', async () => (await listedIds(server)).length === 2)
    await page.getByLabel('Engines to keep').fill('50')
    await page.getByText('2 → 50: no more than 4').waitFor()
    await page.getByRole('button', { name: 'Full pass' }).click()
    await page.locator('.outcome', { hasText: '2 containers looked at, nothing to do' }).waitFor()
    await page.getByText(/^MIN_REPLICAS=0, overridden by \/scale\/2 on /).waitFor()
    await picture(page, 'plan-1280-light')
    await page.getByRole('button', { name: 'Undo the order' }).click()
    await told(page, 'Undo the order: MIN_REPLICAS=0 holds')
    await page.getByText(/overridden by/).waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
  })

  test('tells how long a breaker stays open and why, and resets it', async () => {
    const server = await started()
    const { page } = await open(`${server.url}/panel`)
    let isReset = false
    page.on('request', (request) => {
      isReset ||= request.url().endsWith('/health/circuit-breaker/reset?operation_type=general')
    })
    await page.route('**/health/status', async (route) => {
      const answer = await route.fetch()
      const health = await answer.json()
      const next_try = new Date(Date.now() + 60_000).toISOString()
      const open = { state: 'open', failure_count: 5, next_try }
      if (!isReset) Object.assign(health.circuit_breakers.general, open)
      await route.fulfill({ response: answer, json: health })
    })
    await page.goto(`${server.url}/panel#/plan`)
    await page.getByText(/starts are refused; one trial in/).waitFor()
    await picture(page, 'breaker-1280-light')
    await page.getByRole('button', { name: 'Reset' }).click()
    await told(page, 'Reset general: it is closed')
    await page.getByText(/starts are refused/).waitFor({ state: 'detached' })
  })
})
