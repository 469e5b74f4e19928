import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDockerHost } from '../../src/runtime/docker-connection.ts'

/** The way to a real Docker Engine, which can be made to keep the starts of containers waiting. */
export interface HeldDocker extends Disposable {
  /** A value for DOCKER_HOST. */
  readonly dockerHost: string
  /** How many starts wait now. */
  readonly held: () => number
  /** From now on starts wait; nothing else does. */
  readonly hold: () => void
  /** What waits goes on, and later starts pass. */
  readonly release: () => void
}

const START = /^POST \S*\/containers\/[^/ ]+\/start\b/

/** Opens a socket that passes everything on to the Docker Engine at `dockerHost` (null: the usual socket). */
export function holdableDocker(dockerHost: string | null): HeldDocker {
  const directory = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
  const path = join(directory, 'docker.sock')
  const sockets = new Set<Socket>()
  const waiting: (() => void)[] = []
  let isHolding = false
  const server = createServer((client) => {
    const engine = connectTo(dockerHost)
    for (const socket of [client, engine]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      // A side that breaks off takes the other with it.
      socket.on('error', () => [client, engine].forEach((each) => void each.destroy()))
    }
    engine.pipe(client)
    client.on('end', () => engine.end())
    client.on('data', (bytes) => {
      // A request's head comes in one piece, as the client writes it in one.
      if (isHolding && START.test(bytes.toString('latin1'))) waiting.push(() => engine.write(bytes))
      else engine.write(bytes)
    })
  })
  server.listen(path)
  const release = () => {
    isHolding = false
    for (const goOn of waiting.splice(0)) goOn()
  }
  return {
    dockerHost: `unix://${path}`,
    held: () => waiting.length,
    hold: () => {
      isHolding = true
    },
    release,
    [Symbol.dispose]: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      rmSync(directory, { recursive: true })
    },
  }
}

function connectTo(dockerHost: string | null): Socket {
  const address = parseDockerHost(dockerHost)
  return address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host)
}
