import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { type Certificates, makeCertificates, tlsProxy } from '../support/certificates.ts'
import { until } from '../support/docker.ts'
import { listedIds, mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import { socketOf } from '../support/roundhouse-image.ts'

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
