import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Certificates, makeCertificates, tlsProxy } from '../support/certificates.ts'
import { dockerRuntimeAt, until } from '../support/docker.ts'
import { listedIds, mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import { OwnDockerd } from '../support/own-dockerd.ts'
import { freePort } from '../support/ports.ts'
import { socketOf } from '../support/roundhouse-image.ts'
import { failureOf } from '../support/runtime-contract.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(30_000)

let site: TestSite
let certificates: Certificates
beforeAll(async () => {
  site = await openTestSite()
  certificates = makeCertificates()
}, 120_000)
afterAll(async () => {
  certificates[Symbol.dispose]()
  await site.cleanUp()
})

describe('a Docker Engine with --tlsverify', () => {
  let dockerd: OwnDockerd
  let others: Certificates
  const tls = freePort()
  beforeAll(async () => {
    others = makeCertificates()
    const file = (name: string): string => join(certificates.folder, name)
    const server = ['--tlscert', file('server.pem'), '--tlskey', file('server-key.pem')]
    const clients = ['--tlsverify', '--tlscacert', file('ca.pem')]
    dockerd = await OwnDockerd.open(['--host', `tcp://127.0.0.1:${tls}`, ...clients, ...server])
  }, 120_000)
  afterAll(async () => {
    others[Symbol.dispose]()
    await dockerd?.close()
  }, 60_000)

  /** A folder with our authority, the certificate of this client, and the key of that one. */
  function folderOf(client: Certificates, key: Certificates): string {
    const folder = mkdtempSync(join(certificates.folder, 'client-'))
    writeFileSync(join(folder, 'ca.pem'), certificates.file('ca.pem'))
    writeFileSync(join(folder, 'cert.pem'), client.file('cert.pem'))
    writeFileSync(join(folder, 'key.pem'), key.file('key.pem'))
    return folder
  }

  test('is asked with the right certificates, and says one thing where they are wrong', async () => {
    const runtimeOf = (folder: string | null) => dockerRuntimeAt(`tcp://127.0.0.1:${tls}`, {}, folder)
    const said = async (folder: string | null): Promise<string> =>
      (await failureOf('unreachable', runtimeOf(folder).ping())).message
    await runtimeOf(certificates.folder).ping()
    expect(await said(null)).toContain('wants TLS: set DOCKER_TLS_VERIFY')
    expect(await said(others.folder)).toContain('check ca.pem in DOCKER_CERT_PATH')
    expect(await said(folderOf(others, others))).toContain('does not accept our certificate')
    expect(await said(folderOf(certificates, others))).toContain('do not belong together')
  })

  test('one that speaks none is told by its port', async () => {
    using server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => new Response('', { status: 400 }),
    })
    const runtime = dockerRuntimeAt(`tcp://127.0.0.1:${server.port}`, {}, certificates.folder)
    expect((await failureOf('unreachable', runtime.ping())).message).toContain('speaks no TLS at this port')
  })
})

test('an engine is started, its end is noticed, and nothing is wrong, through TLS', async () => {
  using proxy = await tlsProxy(certificates, socketOf(site.docker))
  const server = site.server({
    DOCKER_HOST: proxy.dockerHost,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: certificates.folder,
    MONITOR_INTERVAL_S: '600',
  })
  await server.start()
  const { container_id } = await mustProvision(server)
  expect(await listedIds(server)).toEqual([container_id])
  await site.docker.client.getContainer(container_id).remove({ force: true })
  await until('it is gone from the list', async () => (await listedIds(server)).length === 0, 5_000)
  expect(server.output).not.toMatch(/DEP0169|NODE_TLS|Warning:/)
})
