import { type Browser, chromium, type Page } from 'playwright-core'

/** A page with what it complained of and asked for. */
export interface OpenedPage {
  readonly page: Page
  readonly complaints: readonly string[]
  readonly requests: readonly { readonly method: string; readonly url: string }[]
}

/** Starts a real Chromium. Throws with the remedy if this machine has none. */
export async function startChromium(): Promise<Browser> {
  const program = Bun.which('chromium') ?? Bun.which('chromium-browser') ?? Bun.which('google-chrome')
  if (program === null) throw new Error('This test needs Chromium: apt-get install chromium')
  return chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu'] })
}

/** Opens an address in a window of its own. */
export async function openPage(
  browser: Browser,
  url: string,
  viewport: { readonly width: number; readonly height: number } = { width: 1280, height: 800 },
  colorScheme: 'light' | 'dark' = 'light',
): Promise<OpenedPage> {
  const context = await browser.newContext({ viewport, colorScheme })
  const page = await context.newPage()
  const complaints: string[] = []
  const requests: { method: string; url: string }[] = []
  page.on('console', (message) => {
    // A browser tells of every answer that is no success, and those are what some tests are about.
    const isComplaint = message.type() === 'error' || message.type() === 'warning'
    if (isComplaint && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => requests.push({ method: request.method(), url: request.url() }))
  await page.goto(url)
  return { page, complaints, requests }
}
