import { freePortRange } from '../../../support/ports.ts'
import { Emulator } from '../emulator.ts'
import type { Faults } from '../faults.ts'
import { readSettings } from '../settings.ts'
import { FakeClock } from './fake-clock.ts'

/** The part of a `getstream` answer that the tests use. */
export interface StreamAnswer {
  readonly response: {
    readonly playback_url: string
    readonly stat_url: string
    readonly command_url: string
    readonly event_url?: string
    readonly infohash: string
    readonly playback_session_id: string
  }
  readonly error: null
}

/** The part of `GET /state` that the tests use. */
export interface EngineState {
  readonly ready: boolean
  readonly config: { readonly ports: Readonly<Record<string, number>>; readonly flags: readonly string[] }
  readonly sessions: readonly {
    readonly infohash: string
    readonly readers: number
    readonly idle_ms: number
  }[]
  readonly counters: Readonly<Record<string, number>> & { readonly calls: Readonly<Record<string, number>> }
}

/** Ids of contents that play. */
export const CONTENT_ID = 'a'.repeat(40)
export const OTHER_ID = 'b'.repeat(40)

/** A client for one emulator on loopback, in this process or another. */
export class EngineClient {
  constructor(readonly ports: EnginePorts) {}

  url(path: string): string {
    return `http://127.0.0.1:${this.ports.http}${path}`
  }

  get(path: string, init?: RequestInit): Promise<Response> {
    return fetch(path.startsWith('http') ? path : this.url(path), init)
  }

  async json<T>(path: string): Promise<T> {
    return readJson(await this.get(path))
  }

  /** Opens a stream and returns the whole response. */
  async open(query = `id=${CONTENT_ID}`): Promise<StreamAnswer['response']> {
    return (await this.json<StreamAnswer>(`/ace/getstream?${query}&format=json`)).response
  }

  control(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.ports.control}${path}`, init)
  }

  async state(): Promise<EngineState> {
    return readJson(await this.control('/state'))
  }

  async setFaults(faults: Partial<Faults>): Promise<void> {
    const answer = await this.control('/faults', { method: 'POST', body: JSON.stringify(faults) })
    if (!answer.ok) throw new Error(await answer.text())
  }
}

/** An emulator inside the test's process, with a clock of its own. */
export class TestEngine extends EngineClient implements AsyncDisposable {
  readonly clock: FakeClock
  readonly #emulator: Emulator

  constructor(ports: EnginePorts, emulator: Emulator, clock: FakeClock) {
    super(ports)
    this.#emulator = emulator
    this.clock = clock
  }

  /** Starts an emulator without any delays except those that `env` sets. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<TestEngine> {
    const ports = freePorts()
    const clock = new FakeClock()
    const quick = { BOOT_API_MS: '0', BOOT_MS: '0', LOAD_MS: '0', PLAYBACK_MS: '0', BITRATE_KBPS: '376' }
    const settings = readSettings({ ...environment(ports), ...quick, ...env }, [])
    const unexpected = (what: string | number) => {
      throw new Error(`not expected of the emulator: ${what}`)
    }
    const emulator = new Emulator(settings, { clock, exit: unexpected, warn: unexpected })
    await emulator.start()
    return new TestEngine(ports, emulator, clock)
  }

  /** Starts playback and waits until the engine has registered the reader. `answer` resolves with the first data. */
  async startPlayback(url: string): Promise<{ readonly answer: Promise<Response> }> {
    const answer = this.get(url)
    await until(async () => (await this.state()).sessions.some(({ readers }) => readers === 1))
    return { answer }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#emulator.stop()
  }
}

/** Parses an answer as JSON, whatever its content type. The tests check the members that they use. */
export const readJson = async <T>(answer: Response): Promise<T> => JSON.parse(await answer.text())

/** The five ports of one engine. */
export type EnginePorts = Readonly<Record<'http' | 'https' | 'api' | 'p2p' | 'control', number>>

/** Five loopback ports that were free a moment ago. */
export function freePorts(): EnginePorts {
  // The ports are consecutive, so no two are the same.
  const { first } = freePortRange(5)
  return { http: first, https: first + 1, api: first + 2, p2p: first + 3, control: first + 4 }
}

/** The environment variables that give an engine these ports on loopback. */
export function environment(ports: EnginePorts): Record<string, string> {
  return {
    BIND_ADDRESS: '127.0.0.1',
    HTTP_PORT: String(ports.http),
    HTTPS_PORT: String(ports.https),
    API_PORT: String(ports.api),
    P2P_PORT: String(ports.p2p),
    CONTROL_PORT: String(ports.control),
  }
}

const UNTIL_LIMIT_MS = 5000
const UNTIL_STEP_MS = 5

/** Waits for a condition and checks it every few milliseconds. @throws {Error} if it is not true within 5 s. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + UNTIL_LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not true within ${UNTIL_LIMIT_MS} ms: ${condition}`)
    await Bun.sleep(UNTIL_STEP_MS)
  }
}
