/** Tests what a dialect does with ports and signals of a real process, on the host. */

import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { join } from 'node:path'
import { EngineClient, type EnginePorts, environment, freePorts, until } from '../testing/harness.ts'

const MAIN = join(import.meta.dir, '../main.ts')

/** A process of a dialect. Its output is read as it comes. */
class DialectProcess implements AsyncDisposable {
  readonly child
  output = ''

  constructor(dialect: string, env: Readonly<Record<string, string>>, args: readonly string[] = []) {
    this.child = Bun.spawn([process.execPath, MAIN, ...args], {
      env: { EMULATOR_DIALECT: dialect, BOOT_API_MS: '0', BOOT_MS: '0', ...env },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    void this.#collect(this.child.stdout)
    void this.#collect(this.child.stderr)
  }

  /** Waits for a text in the output. Throws with the output if the process ends before. */
  async wrote(text: string): Promise<void> {
    await until(() => {
      if (this.output.includes(text)) return true
      if (this.child.exitCode !== null)
        throw new Error(`it ended with ${this.child.exitCode}: ${this.output}`)
      return false
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.child.exited
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true })
  }
}

const READY = 'ready to receive remote commands'
const control = (ports: EnginePorts) => ({ CONTROL_PORT: String(ports.control) })
const flagsOf = ({ http, api, p2p }: EnginePorts): readonly string[] => [
  '--client-console',
  ...[`--http-port=${http}`, `--api-port=${api}`, `--port=${p2p}`],
]

test('without --bind-all, only loopback answers; with it, every address of the machine does', async () => {
  const [own, all] = [freePorts(), freePorts()]
  await using closed = new DialectProcess('arguments', control(own), flagsOf(own))
  await using open = new DialectProcess('arguments', control(all), [...flagsOf(all), '--bind-all'])
  await Promise.all([closed.wrote(READY), open.wrote(READY)])
  expect(await canConnect('127.0.0.1', own.http)).toBe(true)
  expect(await canConnect('127.0.0.2', own.http)).toBe(false)
  expect(await canConnect('127.0.0.2', all.http)).toBe(true)
  // The other ports are open to all in any case.
  expect(await canConnect('127.0.0.2', own.api)).toBe(true)
  expect(await canConnect('127.0.0.2', own.p2p)).toBe(true)
})

test.each(['http', 'api', 'p2p'] as const)('a second engine ends when its %s port is taken', async (name) => {
  const ports = freePorts()
  await using first = new DialectProcess('arguments', control(ports), flagsOf(ports))
  await first.wrote(READY)
  const others = { ...freePorts(), [name]: ports[name] }
  await using second = new DialectProcess('arguments', control(others), flagsOf(others))
  expect(await second.child.exited).toBe(1)
})

test('http-proxy, which cannot set its API port, goes on when that is taken, and says so', async () => {
  const variables = ({ http, p2p, control }: EnginePorts) => ({
    ...{ HTTP_PORT: String(http), P2P_PORT: String(p2p), CONTROL_PORT: String(control) },
  })
  const ports = [freePorts(), freePorts()] as const
  await using first = new DialectProcess('http-proxy', variables(ports[0]))
  await first.wrote(READY)
  await using second = new DialectProcess('http-proxy', variables(ports[1]))
  await second.wrote('API port 62062 cannot be opened')
  await second.wrote(READY)
  expect(await canConnect('127.0.0.1', ports[1].http)).toBe(true)
})

test('datagrams to the peer-to-peer port arrive', async () => {
  const ports = freePorts()
  await using engine = new DialectProcess('lenient', environment(ports))
  await engine.wrote(READY)
  const socket = await Bun.udpSocket({})
  socket.send('hello', ports.p2p, '127.0.0.1')
  socket.close()
  const client = new EngineClient(ports)
  await until(async () => (await client.state()).counters.datagrams === 1)
})

test('words that it cannot read end it with the message of the real one', async () => {
  await using engine = new DialectProcess('arguments', control(freePorts()), ['--client-console', '--port='])
  expect(await engine.child.exited).toBe(2)
  await until(() => engine.output.includes("argument --port: invalid int value: ''"))
})

test('the log shows the words of the start, and as many further lines as a test wants', async () => {
  const ports = freePorts()
  const args = [...flagsOf(ports), '--access-token=very-secret']
  await using engine = new DialectProcess('arguments', { ...control(ports), LOG_LINES: '3' }, args)
  await engine.wrote('|acestream|line 3\n')
  expect(engine.output).toContain('--access-token=very-secret')
})

async function canConnect(host: string, port: number): Promise<boolean> {
  const connected = Promise.withResolvers<boolean>()
  const socket = connect(port, host)
  socket.on('connect', () => connected.resolve(true))
  socket.on('error', () => connected.resolve(false))
  const outcome = await connected.promise
  socket.destroy()
  return outcome
}
