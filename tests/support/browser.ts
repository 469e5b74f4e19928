import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An event or an answer of the DevTools protocol. */
interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** What the page asks for, and what it complains of. */
export interface Seen {
  readonly requests: string[]
  readonly complaints: string[]
}

/** A page in a real Chromium without a window, which is told what to do by the DevTools protocol. */
export class Page {
  readonly seen: Seen = { requests: [], complaints: [] }
  readonly #waiting = new Map<number, (message: Message) => void>()
  #ids = 0

  private constructor(
    private readonly socket: WebSocket,
    private readonly browser: Bun.Subprocess,
    private readonly profile: string,
  ) {
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Message)
  }

  /** Starts a browser. Throws with the remedy if this machine has none. `isDark` is what its user prefers. */
  static async open(isDark: boolean): Promise<Page> {
    const program = Bun.which('chromium') ?? Bun.which('chromium-browser') ?? Bun.which('google-chrome')
    if (program === null) throw new Error('This test needs Chromium: apt-get install chromium')
    const profile = mkdtempSync(join(tmpdir(), 'roundhouse-browser-'))
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
    ]
    const browser = Bun.spawn(
      [program, ...flags, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
      { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
    )
    const address = await addressIn(browser.stderr)
    const pages = (await (await fetch(`http://${address}/json/list`)).json()) as {
      readonly type: string
      readonly webSocketDebuggerUrl: string
    }[]
    const url = pages.find(({ type }) => type === 'page')?.webSocketDebuggerUrl
    if (url === undefined) throw new Error('the browser has no page')
    const socket = new WebSocket(url)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = reject
    })
    const page = new Page(socket, browser, profile)
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await page.#send(`${domain}.enable`)
    const value = isDark ? 'dark' : 'light'
    await page.#send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })
    return page
  }

  async goTo(url: string): Promise<void> {
    await this.#send('Page.navigate', { url })
  }

  /** The value of an expression, which has to be JSON. Throws what it throws. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string } } }
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? expression)
    return result.value
  }

  /** Clicks the first element, as its user would, when it is there. */
  async click(selector: string): Promise<void> {
    await this.until(selector)
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`)
  }

  /** Types into a field that is there. */
  async type(selector: string, text: string): Promise<void> {
    await this.until(selector)
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`)
    await this.#send('Input.insertText', { text })
  }

  /** Waits until an element is there; `meanwhile` is called before each look. Throws after 20 s. */
  async until(selector: string, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const deadline = performance.now() + 20_000
    while (performance.now() < deadline) {
      await meanwhile()
      if (await this.evaluate<boolean>(`document.querySelector(${JSON.stringify(selector)}) !== null`)) return
      await Bun.sleep(50)
    }
    throw new Error(`there is no ${selector}; seen: ${JSON.stringify(this.seen)}`)
  }

  text(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`)
  }

  async close(): Promise<void> {
    this.socket.close()
    this.browser.kill('SIGKILL')
    await this.browser.exited
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 })
  }

  #send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#ids
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result = {}, error }) =>
        error === undefined ? resolve(result) : reject(new Error(`${method}: ${error.message}`)),
      )
      this.socket.send(JSON.stringify({ id, method, params }))
    })
  }

  #take(message: Message): void {
    const { id, method, params = {} } = message
    if (id !== undefined) this.#waiting.get(id)?.(message)
    if (method === 'Network.requestWillBeSent')
      this.seen.requests.push(String((params.request as { url: string }).url))
    const isError = method === 'Runtime.consoleAPICalled' && params.type === 'error'
    if (isError || method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      this.seen.complaints.push(JSON.stringify(params))
  }
}

/** The address of the DevTools, which the browser writes when it is there. Throws with all that it wrote if it ends. */
async function addressIn(output: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true })
    const found = /DevTools listening on ws:\/\/([^/]+)\//.exec(text)?.[1]
    if (found !== undefined) return found
  }
  throw new Error(`the browser ended:\n${text}`)
}
