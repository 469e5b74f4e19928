import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { dockerRuntimeAt, staysFor, until } from '../support/docker.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import { mustProvision, mustRemove, openTestSite, type TestSite } from '../support/fleet.ts'
import { type OpenedPage, openPage, picture, startChromium, untilTrue } from '../support/panel-browser.ts'
import type { TestServer } from '../support/server.ts'

/* The log of an engine, and what engines use, in a real Chromium at a real orchestrator with real containers. */

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
  const server = site.server({ MAX_REPLICAS: '4', ...env })
  await server.start()
  return server
}

interface Shown extends OpenedPage {
  readonly id: string
  readonly name: string
}

/** The page of a new engine. */
async function engineOf(server: TestServer, viewport?: typeof PHONE): Promise<Shown> {
  const { container_id: id, container_name: name } = await mustProvision(server)
  const opened = await openPage(browser, `${server.url}/panel#/engine/${name}`, viewport)
  closers.push(() => opened.page.context().close())
  return { ...opened, id, name }
}

/** Lets a container write, as its engine would. */
async function write(id: string, script: string): Promise<void> {
  const { exitCode, output } = await dockerRuntimeAt(site.docker.dockerHost).commands.exec(id, [
    'sh',
    '-c',
    script,
  ])
  expect([exitCode, output]).toEqual([0, ''])
}
const say = (id: string, text: string, output: 1 | 2 = 1) =>
  write(id, `echo '${text}' > /proc/1/fd/${output}`)

const texts = (page: Page) => page.locator('.log-lines .text').allTextContents()
const line = (page: Page, text: string) => page.locator('.log-lines li', { hasText: text })
const step = (page: Page, words: string) => page.locator('.log-step', { hasText: words }).waitFor()
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

/** Lets the page believe that it is seen, or not. */
const show = (page: Page, state: 'visible' | 'hidden') =>
  page.evaluate(`
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' })
    document.dispatchEvent(new Event('visibilitychange'))`)

describe('the log of an engine', () => {
  test('is there at once, is followed, tells stderr from stdout, and a text in it stays a text', async () => {
    const server = await started()
    const { page, id, complaints } = await engineOf(server)
    await line(page, 'Start Ace Stream').waitFor()
    await step(page, 'Read')
    const img = '<img src=x onerror=alert(1)>'
    await press(page, 'Follow')
    await step(page, 'Following')
    await say(id, `to stdout ${img}`)
    await say(id, `to stderr ${img}`, 2)
    await line(page, 'to stderr').waitFor()
    expect((await texts(page)).slice(-2)).toEqual([`to stdout ${img}`, `to stderr ${img}`])
    expect(await line(page, 'to stderr').locator('.output').textContent()).toBe('stderr')
    expect(await line(page, 'to stdout').locator('.output').count()).toBe(0)
    expect(await page.locator('#panel img').count()).toBe(0)
    // Times are those of the reader, with the exact one on hover.
    const time = line(page, 'to stdout').locator('time')
    const at = (await time.getAttribute('datetime')) ?? ''
    const local = await page.evaluate<string>(`new Date('${at}').toLocaleTimeString('en-GB')`)
    expect(await time.textContent()).toBe(local)
    expect(await time.getAttribute('title')).toMatch(/\d\d\/\d\d\/\d{4}, \d\d:\d\d:\d\d\.\d{3} \S+/)
    await picture(page, 'log-1280-light', true)

    await page.getByLabel('Find').fill('TO STD')
    await until('only what is looked for is shown', async () => (await texts(page)).length === 2)
    expect(await page.locator('.log-lines mark').allTextContents()).toEqual(['to std', 'to std'])
    expect(await page.locator('.counted').textContent()).toMatch(/^2 of \d+ lines$/)
    await page.getByLabel('Find').fill('nothing like it')
    await page.getByText('No line has this text.').waitFor()
    await page.getByLabel('Find').fill('')

    await press(page, 'Stop following')
    await say(id, 'unheard')
    await staysFor(1_000, 'nothing comes any more', async () => !(await texts(page)).includes('unheard'))
    await press(page, 'Follow')
    await line(page, 'unheard').waitFor()
    const all = await texts(page)
    expect(all.filter((text) => text.startsWith('to std'))).toHaveLength(2)
    expect(complaints).toEqual([])
  })

  test('says in words that it was lost, and goes on by itself from the last line, with each line once', async () => {
    const server = await started()
    const { page, id } = await engineOf(server)
    await press(page, 'Follow')
    await step(page, 'Following')
    await say(id, 'before')
    await line(page, 'before').waitFor()
    await server.end()
    await step(page, 'Not following: ')
    await picture(page, 'log-lost-1280-light', true)
    await say(id, 'meanwhile')
    await server.start()
    await line(page, 'meanwhile').waitFor()
    await step(page, 'Following')
    await say(id, 'after')
    await line(page, 'after').waitFor()
    const all = await texts(page)
    expect(all.slice(-3)).toEqual(['before', 'meanwhile', 'after'])
    expect(all.filter((text) => text.endsWith('Start Ace Stream 3.2.11'))).toHaveLength(1)
    expect(await page.locator('.log-lines .gap').count()).toBe(0)
  })

  test('keeps what was read when the container is gone, and says that it is', async () => {
    const server = await started()
    const { page, id } = await engineOf(server, PHONE)
    await press(page, 'Follow')
    await say(id, 'last words')
    await line(page, 'last words').waitFor()
    await mustRemove(server, id)
    await step(page, 'The container is gone')
    expect((await texts(page)).at(-1)).toBe('last words')
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await picture(page, 'log-gone-390-light', true)
  })

  test('stays where its reader is, has a way to the end, and a bound that it tells', async () => {
    const server = await started()
    const { page, id } = await engineOf(server)
    await press(page, 'Follow')
    await write(id, 'n=0; while [ $n -lt 300 ]; do echo "early $n"; n=$((n+1)); done > /proc/1/fd/1')
    await line(page, 'early 299').waitFor()
    const box = page.locator('.log-lines')
    const fromEnd = () =>
      box.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight)
    await until('it is at the end', async () => (await fromEnd()) < 2)
    await box.evaluate((element) => element.scrollTo(0, 100))
    await page.getByRole('button', { name: 'To the end' }).waitFor()
    await say(id, 'one more')
    await page.getByRole('button', { name: 'To the end: 1 new line' }).waitFor()
    expect(await box.evaluate((element) => element.scrollTop)).toBe(100)
    await page.getByRole('button', { name: 'To the end' }).click()
    await until('it is at the end', async () => (await fromEnd()) < 2)
    expect(await page.getByRole('button', { name: 'To the end' }).count()).toBe(0)

    await write(id, 'n=0; while [ $n -lt 2100 ]; do echo "late $n"; n=$((n+1)); done > /proc/1/fd/1')
    await line(page, 'late 2099').waitFor()
    await page.getByText(/keeps the newest 2000 lines; \d+ older ones are not shown/).waitFor()
    expect(await page.locator('.log-lines .text').count()).toBe(2_000)
    await until('it is at the end', async () => (await fromEnd()) < 2)
  })

  test('needs the key where there is one, which is asked for in place', async () => {
    const server = await started({ API_KEY: KEY, PROVISION_DEADLINE_MS: '20000' })
    const { container_name: name } = await (async () => {
      const answer = await server.post(
        '/provision/acestream',
        {},
        { headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' } },
      )
      return (await answer.json()) as { container_name: string }
    })()
    const { page, requests } = await openPage(browser, `${server.url}/panel#/engine/${name}`)
    closers.push(() => page.context().close())
    await step(page, 'for the API key only')
    await press(page, 'Enter key')
    const key = page.getByLabel(/API key/)
    await untilTrue(page, `document.activeElement.type === 'password'`)
    await key.fill('wrong-key')
    await page.keyboard.press('Enter')
    await page.getByText('the one given is not that of this server').waitFor()
    await picture(page, 'log-key-1280-light', true)
    await press(page, 'Cancel')
    await press(page, 'Enter key')
    await key.fill(KEY)
    await page.keyboard.press('Enter')
    await line(page, 'Start Ace Stream').waitFor()
    expect(await key.count()).toBe(0)
    await untilTrue(page, `document.activeElement.textContent === 'Follow'`)
    expect(requests.filter(({ url }) => url.includes(KEY))).toEqual([])
  })

  test('is followed only while the page is there and seen', async () => {
    const proxy = await DockerProxy.open(site.docker.dockerHost)
    closers.push(() => proxy.stop())
    const server = await started({ DOCKER_HOST: proxy.dockerHost })
    const { page, id } = await engineOf(server)
    await press(page, 'Follow')
    await until('the log is followed', () => proxy.following() === 1)
    await show(page, 'hidden')
    await until('nobody follows it', () => proxy.following() === 0)
    await step(page, 'Paused')
    await say(id, 'unseen')
    await show(page, 'visible')
    await line(page, 'unseen').waitFor()
    expect(proxy.following()).toBe(1)
    await page.getByRole('link', { name: 'Overview' }).first().click()
    await until('nobody follows it', () => proxy.following() === 0)
  })
})

describe('what engines use', () => {
  test('is in the table, without a sideways scroll, and is asked for in one question while it is seen', async () => {
    const server = await started({ ENGINE_MEMORY_LIMIT: '256m' })
    const engines = [await mustProvision(server), await mustProvision(server)]
    const { page, requests, complaints } = await openPage(browser, `${server.url}/panel`)
    closers.push(() => page.context().close())
    const cells = (name: string) => page.locator(`.engines td[data-name="${name}"]`).allTextContents()
    await page.locator('.engines tbody tr').first().waitFor()
    await until('all figures are there', async () => {
      const all = [...(await cells('CPU')), ...(await cells('Memory'))]
      return all.length === 4 && all.every((text) => /^[\d.]+ (%|MiB)$/.test(text))
    })
    for (const width of [1280, 320]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      expect(await page.locator('.engines').evaluate((table) => table.scrollWidth <= table.clientWidth)).toBe(
        true,
      )
      await picture(page, `usage-${width}-light`, true)
    }
    await page.setViewportSize({ width: 1280, height: 800 })
    await press(page, 'Memory')
    expect(await page.locator('th[aria-sort="ascending"]').textContent()).toContain('Memory')
    await press(page, 'Memory')
    expect(page.url()).toEndWith('sort=-memory')
    await until('most is first', async () => {
      const [first = 0, second = 0] = (await cells('Memory')).map(Number.parseFloat)
      return first >= second
    })

    const asked = () =>
      requests.filter(({ url }) => url.endsWith('/stats')).map(({ url }) => new URL(url).pathname)
    expect(new Set(asked())).toEqual(new Set(['/engines/stats']))
    await show(page, 'hidden')
    const before = asked().length
    await staysFor(6_000, 'nothing is asked while nobody looks', async () => asked().length === before)
    await show(page, 'visible')
    await until('it is asked at once', () => asked().length > before, 2_000)
    expect(engines).toHaveLength(2)
    expect(complaints).toEqual([])
  })

  test('is in charts on the page of an engine, with its limits', async () => {
    const server = await started({ ENGINE_MEMORY_LIMIT: '256m', ENGINE_CPUS: '1' })
    const { page, complaints } = await engineOf(server)
    await page.getByText('It may use 1 core and 256 MiB.').waitFor()
    const plot = (title: string) => page.getByRole('img', { name: new RegExp(`^${title}`) })
    await until('the charts have figures', async () => {
      const [cpu, memory] = await Promise.all([
        plot('CPU').getAttribute('aria-label'),
        plot('Memory').getAttribute('aria-label'),
      ])
      return /used: last [\d.]+ %/.test(cpu ?? '') && /used: last [\d.]+ MiB/.test(memory ?? '')
    })
    expect(await page.locator('.chart canvas').count()).toBe(2)
    await picture(page, 'usage-engine-1280-light', true)
    expect(complaints).toEqual([])
  })
})
