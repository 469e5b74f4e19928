import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'

/** A folder as DOCKER_CERT_PATH names it, with what a server of the same authority needs beside. */
export interface Certificates extends Disposable {
  readonly folder: string
  readonly file: (name: string) => Buffer
}

/** Makes an authority with a certificate for a server at 127.0.0.1 and one for a client. Needs openssl. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
  const openssl = (words: string): void => {
    const { success, stderr } = Bun.spawnSync(['openssl', ...words.split(' ')], { cwd: folder })
    if (!success) throw new Error(`openssl failed: ${String(stderr)}`)
  }
  openssl('req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca-key.pem -out ca.pem -subj /CN=ca')
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1')
  for (const [key, certificate, more] of [
    ['server-key.pem', 'server.pem', ' -extfile names'],
    ['key.pem', 'cert.pem', ''],
  ] as const) {
    openssl(`req -newkey rsa:2048 -nodes -keyout ${key} -out asked -subj /CN=${certificate}`)
    openssl(
      `x509 -req -in asked -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -out ${certificate}${more}`,
    )
  }
  return {
    folder,
    file: (name) => readFileSync(join(folder, name)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Listens with TLS on this machine, asks clients for a certificate, and passes everything on to a socket. */
export async function tlsProxy(
  { file }: Certificates,
  path: string,
): Promise<{ readonly dockerHost: string } & Disposable> {
  const sockets = new Set<Socket>()
  const identity = { key: file('server-key.pem'), cert: file('server.pem'), ca: file('ca.pem') }
  const server = createServer({ ...identity, requestCert: true, rejectUnauthorized: true }, (client) => {
    const upstream = connect(path)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      // Either side may reset its connection, which ends both.
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  // A client without the right certificate is turned away, which is no failure of the proxy.
  server.on('tlsClientError', () => undefined)
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen')
  return {
    dockerHost: `tcp://127.0.0.1:${address.port}`,
    [Symbol.dispose]: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
