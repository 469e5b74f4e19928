/** Tests what needs a separate process: slow start, taken ports, signals, and the control port during a hang. */

import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { join } from 'node:path'
import { EngineClient, type EnginePorts, environment, freePorts, until } from '../testing/harness.ts'

const MAIN = join(import.meta.dir, '../main.ts')

class EngineProcess extends EngineClient implements AsyncDisposable {
  readonly child

  constructor(ports: EnginePorts, env: Readonly<Record<string, string>> = {}) {
    super(ports)
    const quick = { BOOT_API_MS: '0', BOOT_MS: '0', LOAD_MS: '0', PLAYBACK_MS: '0' }
    this.child = Bun.spawn([process.execPath, MAIN, '--client-console'], {
      env: { ...environment(ports), ...quick, ...env },
      stdout: 'ignore',
      stderr: 'pipe',
    })
  }

  async controlReady(): Promise<void> {
    await this.#answers(() => this.control('/state'))
  }

  async apiReady(): Promise<void> {
    await this.#answers(() => this.get('/server/api?method=get_status'))
  }

  /** Waits for a successful answer. Throws with the reason if the program has ended. */
  async #answers(ask: () => Promise<Response>): Promise<void> {
    await until(async () => {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${await this.child.stderr.text()}`)
      return ask().then(
        ({ ok }) => ok,
        () => false,
      )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.child.exited
  }
}

describe('the program', () => {
  test('refuses connections first, while its control port answers', async () => {
    await using engine = new EngineProcess(freePorts(), { BOOT_API_MS: '300', BOOT_MS: '600' })
    await engine.controlReady()
    expect(await canConnect(engine.ports.http)).toBe(false)
    await engine.apiReady()
    expect((await engine.state()).ready).toBe(false)
    await until(async () => (await engine.state()).ready)
  })

  test.each(['http', 'https', 'api', 'p2p'] as const)(
    'ends with 1 when the %s port is taken',
    async (name) => {
      const ports = freePorts()
      await using holder = new EngineProcess(ports)
      await holder.apiReady()
      await until(() => canConnect(ports.p2p))
      await using second = new EngineProcess({ ...freePorts(), [name]: ports[name] })
      expect(await second.child.exited).toBe(1)
      expect(await second.child.stderr.text()).toContain(
        `${name.toUpperCase()} port ${ports[name]} cannot be opened`,
      )
    },
  )

  test('ends with 1 for a setting that is none, naming it', async () => {
    await using engine = new EngineProcess(freePorts(), { API_PORT: 'many' })
    expect(await engine.child.exited).toBe(1)
    expect(await engine.child.stderr.text()).toContain('API_PORT')
  })

  test('two run side by side when all their ports differ', async () => {
    await using first = new EngineProcess(freePorts())
    await using second = new EngineProcess(freePorts())
    await Promise.all([first.apiReady(), second.apiReady()])
    expect((await first.state()).config.ports).toEqual(first.ports)
    expect((await second.state()).config).toMatchObject({ ports: second.ports, flags: ['--client-console'] })
  })

  test('SIGTERM ends it with 0 also while everything hangs', async () => {
    await using engine = new EngineProcess(freePorts())
    await engine.apiReady()
    const calls = async () => (await engine.state()).counters.calls['/server/api'] ?? 0
    const before = await calls()
    await engine.setFaults({ hang: ['all'] })
    const held = engine.get('/server/api?method=get_status').catch((error: Error) => error)
    await until(async () => (await calls()) === before + 1)
    engine.child.kill('SIGTERM')
    expect(await engine.child.exited).toBe(0)
    expect(await held).toBeInstanceOf(Error)
  })

  test('ends with the code that the control port is told', async () => {
    await using engine = new EngineProcess(freePorts())
    await engine.controlReady()
    expect((await engine.control('/exit?code=42', { method: 'POST' })).status).toBe(200)
    expect(await engine.child.exited).toBe(42)
  })

  test('plays in real time by the clock of the machine', async () => {
    await using engine = new EngineProcess(freePorts(), { BURST_FACTOR: '1', BITRATE_KBPS: '1000' })
    await engine.apiReady()
    const { playback_url } = await engine.open()
    const startedMs = performance.now()
    const answer = await engine.get(playback_url)
    // Half a second of 1015.2 kbit/s.
    for await (const _ of answer.body ?? []) {
      if (((await engine.state()).counters.bytes_sent ?? 0) >= 63_450) break
    }
    expect(performance.now() - startedMs).toBeWithin(400, 1500)
  })
})

async function canConnect(port: number): Promise<boolean> {
  const connected = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.on('connect', () => connected.resolve(true))
  socket.on('error', () => connected.resolve(false))
  const outcome = await connected.promise
  socket.destroy()
  return outcome
}
