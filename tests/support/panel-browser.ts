import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { until } from './docker.ts'
import { freePort } from './ports.ts'

/** Pictures of the pages, for people to look at. Nothing compares them. */
const PICTURES = join(import.meta.dir, '../../.run/screenshots')

/** A page with what it complained of and asked for. */
export interface OpenedPage {
  readonly page: Page
  /** Errors and warnings of the console, errors of the scripts, and what broke the policy of the page. */
  readonly complaints: readonly string[]
  readonly requests: readonly { readonly method: string; readonly url: string }[]
  /** What was answered with no success, which is what some tests are about. */
  readonly refused: readonly string[]
}

/** Starts a real Chromium with further arguments. Throws with the remedy if this machine has none. */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  const program = Bun.which('chromium') ?? Bun.which('chromium-browser') ?? Bun.which('google-chrome')
  if (program === null) throw new Error('This test needs Chromium: apt-get install chromium')
  return chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu', ...args] })
}

/** Opens an address in a window of its own. */
export async function openPage(
  browser: Browser,
  url: string,
  viewport: { readonly width: number; readonly height: number } = { width: 1280, height: 800 },
  colorScheme: 'light' | 'dark' = 'light',
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const context = await browser.newContext({ viewport, colorScheme, ...options })
  return await loaded(context, url)
}

/**
 * Loads an address in a page of its own, and again as a person does if it does not come as a whole: tests beside this one make
 * networks, and a browser then breaks off what it is loading.
 */
async function loaded(context: BrowserContext, url: string): Promise<OpenedPage> {
  for (;;) {
    const opened = watched(await context.newPage())
    const { page } = opened
    let isWhole = true
    page.on('requestfailed', (request) => {
      const isPart = ['document', 'script', 'stylesheet'].includes(request.resourceType())
      if (isPart && request.failure()?.errorText.includes('ERR_NETWORK_CHANGED')) isWhole = false
    })
    await page.goto(url).catch((error: unknown) => {
      if (isWhole) throw error
    })
    if (isWhole) return opened
    await page.close()
  }
}

/** Tabs of one window, of which only one is seen. Pages of `openPage` are all seen, whatever is in front of them. */
export interface Tabs {
  /** Opens an address in a tab that is seen instead of the others. */
  open(url: string): Promise<Page>
  /** Opens an address in a tab behind the others, as a click with the middle button does. Resolves before it has loaded. */
  openHidden(url: string): Promise<Page>
  close(): Promise<void>
}

/** Starts a Chromium that hides its tabs as it does for a person: Playwright makes every page of its own believe it is seen. */
export async function startTabs(): Promise<Tabs> {
  const port = freePort()
  const owner = await startChromium([`--remote-debugging-port=${port}`])
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true })
  const [context] = browser.contexts()
  if (context === undefined) throw new Error('the browser has no window')
  // The first tab of a window is seen, however it was opened.
  await context.newPage()
  const session = await browser.newBrowserCDPSession()
  return {
    open: async (url) => (await loaded(context, url)).page,
    openHidden: async (url) => {
      const [page] = await Promise.all([
        context.waitForEvent('page'),
        session.send('Target.createTarget', { url, background: true }),
      ])
      return page
    },
    close: async () => {
      await browser.close()
      await owner.close()
    },
  }
}

/** Notes from now on what a page complains of and asks for. */
function watched(page: Page): OpenedPage {
  const complaints: string[] = []
  const requests: { method: string; url: string }[] = []
  const refused: string[] = []
  page.on('console', (message) => {
    const isComplaint = message.type() === 'error' || message.type() === 'warning'
    // A browser tells of every answer that is no success.
    const isRefusal = message.text().startsWith('Failed to load resource')
    // Tests beside this one make networks, which the browser takes for a change of its own. It asks again by itself.
    const isOfHost = message.text().includes('ERR_NETWORK_CHANGED')
    if (isComplaint && !isOfHost) (isRefusal ? refused : complaints).push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => requests.push({ method: request.method(), url: request.url() }))
  return { page, complaints, requests, refused }
}

/** The requests of a page for anything that is not under this address. Pictures inside a style sheet are no requests. */
export const foreignRequests = ({ requests }: OpenedPage, base: string): readonly string[] =>
  requests.map(({ url }) => url).filter((url) => !url.startsWith(base) && !url.startsWith('data:'))

/**
 * Waits until an expression is true in a page. Playwright's own `waitForFunction` evaluates it in the page's script after its
 * first look, which the policy of our pages forbids.
 */
export const untilTrue = (page: Page, expression: string): Promise<unknown> =>
  until(`it is so in the page: ${expression}`, () => page.evaluate<boolean>(expression))

/** Whether a page fits into the width of its window. */
export const hasNoSidewaysScroll = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth')

/** Keeps a picture of a page, as it is seen or as a whole. */
export async function picture(page: Page, name: string, fullPage = false): Promise<void> {
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage })
}
