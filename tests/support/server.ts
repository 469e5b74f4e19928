import { Database } from 'bun:sqlite'
import { randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestDocker, until } from './docker.ts'
import { freePort } from './ports.ts'
import { programWords } from './program.ts'

/** How to start one orchestrator process. `env` wins over the settings of the harness. */
export interface ServerOptions {
  readonly docker: Pick<TestDocker, 'dockerHost' | 'label'>
  readonly image: string
  readonly env?: Readonly<Record<string, string>>
  /** The program and its first arguments; by default that of ROUNDHOUSE_TEST_PROGRAM, else the sources under Bun. */
  readonly command?: readonly string[]
}

/** An orchestrator in a process of its own, on real Docker. Its database is in a folder that exists as long as the test. */
export class TestServer {
  readonly url: string
  readonly folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
  readonly port = freePort()
  /**
   * The number of its first engine: all engines on one Docker share their names, and files of tests run beside one another. A
   * number also chooses the first port to try, so in a range of up to ten ports or of 60 it chooses as 1 would.
   */
  readonly firstNumber = 1 + 2_520 * randomInt(1, 1_000)
  #hasNumbers = false
  /** Everything that the process wrote, over all its starts. */
  output = ''
  #process: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | null = null

  constructor(private readonly options: ServerOptions) {
    this.url = `http://127.0.0.1:${this.port}`
  }

  /** The label of everything that it makes. */
  get label(): TestDocker['label'] {
    return this.options.docker.label
  }

  get databasePath(): string {
    return join(this.folder, 'orchestrator.db')
  }

  get pid(): number {
    if (this.#process === null) throw new Error('the server does not run')
    return this.#process.pid
  }

  /** Starts the process with `env` over the usual settings, and waits until it is ready (or only alive, with `/healthz`). */
  async start(
    env: Readonly<Record<string, string>> = {},
    until200: '/readyz' | '/healthz' = '/readyz',
  ): Promise<void> {
    const { docker, image, command = programWords() } = this.options
    const child = Bun.spawn([...command], {
      cwd: this.folder,
      env: {
        PATH: process.env.PATH ?? '',
        APP_PORT: String(this.port),
        BIND: '127.0.0.1',
        DB_URL: `sqlite:///${this.databasePath}`,
        TARGET_IMAGE: image,
        // The stand-in reads all variables, and no recipe has its name.
        ENGINE_RECIPE: 'variables',
        CONTAINER_LABEL: `${docker.label.key}=${docker.label.value}`,
        ...(docker.dockerHost === null ? {} : { DOCKER_HOST: docker.dockerHost }),
        ...this.options.env,
        ...env,
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    this.#process = child
    void this.#collect(child.stdout)
    void this.#collect(child.stderr)
    await until(`the server answers 200 at ${until200}`, async () => {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`the server ended by itself:\n${this.output}`)
      }
      return (await this.answers(until200)) === 200
    })
    if (!this.#hasNumbers) this.#takeNumbers()
  }

  /** Written while it runs, since a database that has had numbers before is no new one to its first start. */
  #takeNumbers(): void {
    this.#hasNumbers = true
    if (!existsSync(this.databasePath)) return
    const database = new Database(this.databasePath)
    database.run('PRAGMA busy_timeout = 5000')
    database.run("INSERT OR REPLACE INTO settings (key, value) VALUES ('next_engine_number', ?)", [
      String(this.firstNumber),
    ])
    database.close()
  }

  /** The status of a GET, or null if nobody answers. */
  async answers(path: string): Promise<number | null> {
    try {
      return (await fetch(`${this.url}${path}`)).status
    } catch {
      return null
    }
  }

  /** Sends a GET that must be answered with 200 and JSON. */
  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}${path}`)
    if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
    return response.json() as Promise<T>
  }

  post(path: string, body: unknown = {}, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    })
  }

  delete(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { method: 'DELETE' })
  }

  /** Sends a signal and waits until the process has ended. Returns how many milliseconds that took. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number> {
    const child = this.#process
    if (child === null) return 0
    const startedMs = performance.now()
    child.kill(signal)
    await child.exited
    this.#process = null
    return performance.now() - startedMs
  }

  /** Waits until the process has ended by itself, as at a fail point. Returns the name of the signal. */
  async ended(): Promise<string | null> {
    await this.#process?.exited
    const signal = this.#process?.signalCode?.toString() ?? null
    this.#process = null
    return signal
  }

  /** Waits until the process has ended by itself. Returns its exit code. */
  async exitCode(): Promise<number | null> {
    const child = this.#process
    await child?.exited
    this.#process = null
    return child?.exitCode ?? null
  }

  /** Deletes the database of the ended process. */
  forget(): void {
    for (const file of readdirSync(this.folder)) rmSync(join(this.folder, file), { recursive: true })
  }

  /** Ends the process and deletes its folder. The test has to remove the containers. */
  async dispose(): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true })
  }
}
