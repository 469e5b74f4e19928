import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSecretFile, runCli } from '../../../src/cli/cli.ts'
import { createDockerRuntime, DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '../../../src/runtime/docker.ts'
import { parseDockerHost } from '../../../src/runtime/docker-connection.ts'
import { translateDockerError } from '../../../src/runtime/docker-failures.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { type Certificates, makeCertificates, tlsProxy } from '../../support/certificates.ts'
import { httpAnswer, PONG, rawDaemon } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'

let own: Certificates
let others: Certificates
beforeAll(() => {
  own = makeCertificates()
  others = makeCertificates()
})
afterAll(() => {
  for (const made of [own, others]) made[Symbol.dispose]()
})

const runtimeAt = (dockerHost: string, certificates: string | null): Runtime =>
  createDockerRuntime({
    ...{ dockerHost, certificates, label: { key: 'a', value: 'b' } },
    ...{ deadlinesMs: DEFAULT_DEADLINES_MS, logs: DEFAULT_LOG_LIMITS },
  })

const pathOf = ({ dockerHost }: { readonly dockerHost: string }): string => dockerHost.slice('unix://'.length)

describe('Docker behind TLS', () => {
  test('is asked, and its answers are bounded and read as without', async () => {
    using daemon = rawDaemon(({ send }, request) =>
      send(request.includes('_ping') ? PONG : httpAnswer(200, [])),
    )
    using proxy = await tlsProxy(own, pathOf(daemon))
    const runtime = runtimeAt(proxy.dockerHost, own.folder)
    await runtime.ping()
    expect(await runtime.list()).toEqual([])
  })

  test('that another authority vouches for is told, and nothing was sent', async () => {
    using daemon = rawDaemon(({ send }) => send(PONG))
    using proxy = await tlsProxy(own, pathOf(daemon))
    const failure = await failureOf('unreachable', runtimeAt(proxy.dockerHost, others.folder).ping())
    expect(failure.message).toMatch(/certificate of Docker .* is not accepted .*ca\.pem/)
    expect(failure.effect).toBe('none')
  })

  // Docker is written in Go, which tells the client why it turns it away; the proxy of these tests breaks the connection.
  test.each([
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'does not accept our certificate'],
    ['ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED', 'does not accept our certificate'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'does not accept our certificate'],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'do not belong together'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'check ca.pem'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'check ca.pem'],
    ['CERT_HAS_EXPIRED', 'check ca.pem'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'the name in DOCKER_HOST'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'speaks no TLS at this port'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'check its port'],
  ])('fails with %s: %s', (code, said) => {
    const call = { what: 'answer a ping', id: null, address: 'tcp://nas:2376' }
    const failure = translateDockerError(Object.assign(new Error('TLS'), { code }), call)
    expect(failure).toMatchObject({
      code: 'unreachable',
      effect: 'none',
      message: expect.stringContaining(said),
    })
  })

  test('that is asked without says so', async () => {
    const words = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'
    using daemon = rawDaemon(({ send, cut }) => {
      send(words)
      cut()
    })
    const failure = await failureOf('unreachable', runtimeAt(daemon.dockerHost, null).ping())
    expect(failure.message).toContain('set DOCKER_TLS_VERIFY')
    expect(failure.effect).toBe('none')
  })

  test('has a port of its own', () => {
    expect(parseDockerHost('tcp://nas', '/certs')).toMatchObject({ port: 2376, certificates: '/certs' })
  })
})

describe('the settings of TLS', () => {
  const TCP = { DOCKER_HOST: 'tcp://127.0.0.1:2376' }
  const call = (env: Record<string, string>) => runCli(env, ['config'], readSecretFile)

  test.each([
    ['without a folder', { ...TCP, DOCKER_TLS_VERIFY: '1' }, 'DOCKER_TLS_VERIFY asks for TLS'],
    [
      'with a folder that is not there',
      { ...TCP, DOCKER_CERT_PATH: '/nowhere' },
      'Name a folder that has ca.pem',
    ],
    [
      'with both',
      { ...TCP, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere/' },
      'Cannot start: 1 setting',
    ],
  ])('%s are one error that names DOCKER_CERT_PATH', (_, env, part) => {
    const outcome = call(env)
    expect(outcome).toMatchObject({ kind: 'exit', code: 2 })
    expect('stderr' in outcome && outcome.stderr).toMatch(/DOCKER_CERT_PATH/)
    expect('stderr' in outcome && outcome.stderr).toContain(part)
  })

  test('with a file that is no certificate name the file', () => {
    const folder = join(own.folder, 'wrong')
    mkdirSync(folder)
    for (const name of ['ca.pem', 'cert.pem', 'key.pem']) writeFileSync(join(folder, name), 'nothing')
    const outcome = call({ ...TCP, DOCKER_CERT_PATH: folder })
    expect('stderr' in outcome && outcome.stderr).toContain('Put a private key in PEM there')
  })

  test.each([
    ['a local socket', { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere' }],
    ['a port without TLS', { DOCKER_HOST: 'tcp://127.0.0.1:2375', DOCKER_CERT_PATH: '/nowhere' }],
  ])('do not concern %s', (_, env) => {
    expect(call(env)).toMatchObject({ kind: 'exit', code: 0 })
  })

  test('that are missing at the port of TLS are advised', () => {
    const outcome = call(TCP)
    expect(outcome).toMatchObject({ kind: 'exit', code: 0 })
    expect('stderr' in outcome && outcome.stderr).toContain('Set DOCKER_TLS_VERIFY')
  })
})
