import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { freePortRange } from '../../../support/ports.ts'
import { FakeClock } from '../../engine/testing/fake-clock.ts'
import { Emulator } from '../emulator.ts'
import type { Faults } from '../faults.ts'
import { readSettings } from '../settings.ts'
import type { GluetunState } from '../test-control.ts'

/** A request to one of the servers. */
export interface TestRequest {
  readonly method: string
  readonly path: string
  /** Sends the request to the health server instead of the control server. */
  readonly toHealth?: boolean
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The result: an answer, or the recordings' word for a missing one. */
export type TestAnswer =
  | { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }
  | { readonly error: string }

const STEP_MS = 10

/** An emulator inside the test's process, with a clock of its own. */
export class TestGluetun implements AsyncDisposable {
  readonly clock = new FakeClock()
  /** The code that the process would have exited with. */
  exitCode: number | null = null
  readonly #ports: Readonly<Record<'control' | 'health' | 'test', number>>
  readonly #emulator: Emulator

  constructor(env: Readonly<Record<string, string>>) {
    const { first } = freePortRange(3)
    this.#ports = { control: first, health: first + 1, test: first + 2 }
    const addresses = {
      HTTP_CONTROL_SERVER_ADDRESS: `127.0.0.1:${first}`,
      HEALTH_SERVER_ADDRESS: `127.0.0.1:${first + 1}`,
      BIND_ADDRESS: '127.0.0.1',
      CONTROL_PORT: String(first + 2),
    }
    this.#emulator = new Emulator(readSettings({ ...addresses, ...env }), {
      clock: this.clock,
      exit: (code) => {
        this.exitCode = code
        this.#emulator.stop()
      },
    })
  }

  /** Starts an emulator, and moves its clock until the VPN is up and has everything it can have. */
  static async start(
    env: Readonly<Record<string, string>> = {},
    roleFile: string | null = null,
  ): Promise<TestGluetun> {
    const gluetun = await TestGluetun.boot(env, roleFile)
    gluetun.clock.advance(SETTLED_MS)
    return gluetun
  }

  /** Starts an emulator that has just opened its servers. */
  static async boot(
    env: Readonly<Record<string, string>> = {},
    roleFile: string | null = null,
  ): Promise<TestGluetun> {
    const gluetun = new TestGluetun({ BOOT_MS: '0', ...env })
    await gluetun.#emulator.start(roleFile)
    return gluetun
  }

  /** Sends a request and moves the clock in small steps until it is answered. */
  async ask(request: TestRequest): Promise<TestAnswer> {
    let isOver = false
    const answer = this.send(request).finally(() => {
      isOver = true
    })
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      this.clock.advance(STEP_MS)
    }
    return await answer
  }

  /** Sends a request without moving the clock. */
  send({ method, path, toHealth = false, headers = {}, body }: TestRequest): Promise<TestAnswer> {
    const port = toHealth ? this.#ports.health : this.#ports.control
    // `fetch` would normalise the path.
    return new Promise((resolve) => {
      const call = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk) => chunks.push(chunk))
        answer.on('error', () => resolve({ error: 'connection closed without an answer' }))
        answer.on('end', () => {
          const { statusCode: status = 0, headers } = answer
          resolve({ status, headers, body: Buffer.concat(chunks).toString() })
        })
      })
      call.on('error', (error) => resolve({ error: errorWord(error) }))
      call.end(body)
    })
  }

  /** The body of a GET, with the clock running. */
  async read(path: string): Promise<string> {
    const answer = await this.ask({ method: 'GET', path })
    return 'body' in answer ? answer.body : answer.error
  }

  async put(path: string, body: unknown): Promise<TestAnswer> {
    return await this.ask({ method: 'PUT', path, body: JSON.stringify(body) })
  }

  control(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#ports.test}${path}`, init)
  }

  async state(): Promise<GluetunState> {
    return JSON.parse(await (await this.control('/state')).text())
  }

  async setFaults(change: Partial<Faults>): Promise<void> {
    const answer = await this.control('/faults', { method: 'POST', body: JSON.stringify(change) })
    if (!answer.ok) throw new Error(await answer.text())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#emulator.stop()
  }
}

/** Longer than any start-up: the first dial of the oldest version takes 3 s, and its repetition 1 s more. */
const SETTLED_MS = 5000

const errorWord = (error: Error): string =>
  'code' in error && error.code === 'ECONNREFUSED'
    ? 'connection refused'
    : 'connection closed without an answer'
