import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildDialectImages, type DialectImages } from '../support/dialect-images.ts'
import { until } from '../support/docker.ts'
import { mustProvision, openTestSite, provision, type TestSite } from '../support/fleet.ts'
import type { TestServer } from '../support/server.ts'

/* Images whose engines never work, on a real Docker Engine: what is said of them, and how soon. */

setDefaultTimeout(60_000)

interface Status {
  readonly provisioning: {
    readonly can_provision: boolean
    readonly blocked_reason: string | null
    readonly last_failure_reason: string | null
  }
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}

let site: TestSite
let images: DialectImages<'martinbjeldbak'>
const made = new Set<string>()
const folder = mkdtempSync(join(tmpdir(), 'roundhouse-unusable-'))

beforeAll(async () => {
  site = await openTestSite()
  images = await buildDialectImages(site.docker, ['martinbjeldbak'])
}, 120_000)
afterEach(() => site.cleanUp())
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await site?.cleanUp()
  await Promise.all([...made].map((name) => site.docker.client.getImage(name).remove()))
  await images?.remove()
})

/** Gives an image another name, which no recipe knows. */
async function named(reference: string, repo: string): Promise<string> {
  const tag = site.docker.label.value
  await site.docker.client.getImage(reference).tag({ repo, tag })
  made.add(`${repo}:${tag}`)
  return `${repo}:${tag}`
}

const statusOf = async (server: TestServer): Promise<Status> =>
  (await (await fetch(`${server.url}/orchestrator/status`)).json()) as Status
const failuresOf = async (server: TestServer) => {
  const answer = await fetch(`${server.url}/events?kind=engine.failed`)
  const page = (await answer.json()) as {
    readonly events: readonly {
      readonly detail: { readonly reason: string; readonly log?: readonly string[] }
    }[]
  }
  return page.events.map(({ detail }) => detail)
}

test('an unknown image that takes flags says within seconds where it listens and what to set', async () => {
  const image = await named(images.reference('martinbjeldbak'), 'roundhouse-test/takes-flags')
  const server = site.server({
    ...{ TARGET_IMAGE: image, ENGINE_RECIPE: 'auto', MIN_REPLICAS: '1', STARTUP_TIMEOUT_S: '12' },
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1',
  })
  const startedMs = performance.now()
  await server.start()
  expect((await statusOf(server)).warnings.map(({ code }) => code)).toContain('image_unknown')
  await until('the status tells', async () =>
    (await statusOf(server)).warnings.some(({ code }) => code === 'engine_silent'),
  )
  console.log(`told after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`)
  const told = (await statusOf(server)).warnings.find(({ code }) => code === 'engine_silent')
  expect(told?.message).toMatch(/it was asked \d+ times, .* it listens on 127\.0\.0\.1:6878/)
  expect(told?.remedy).toContain('set ENGINE_CMD')
  expect(server.output).toContain('it listens on 127.0.0.1:6878')

  await until('the engine has failed', async () => (await failuresOf(server)).length > 0)
  const [failure] = await failuresOf(server)
  expect(failure?.reason).toMatch(/it listens on 127\.0\.0\.1:6878.*; this image takes flags: set ENGINE_CMD/)
  expect(failure?.log?.length).toBeWithin(1, 21)
  expect((await statusOf(server)).provisioning.last_failure_reason).toBe(failure?.reason ?? '')
})

test('an image that is not there blocks provisioning from the start on, until it comes', async () => {
  const name = `roundhouse-test/comes-late:${site.docker.label.value}`
  const server = site.server({ TARGET_IMAGE: name })
  await server.start()
  await until('it was looked for', async () => !(await statusOf(server)).provisioning.can_provision)
  expect((await statusOf(server)).provisioning.blocked_reason).toBe('Image not on this host')
  const refused = await provision(server)
  expect(refused).toMatchObject({ kind: 'refused', status: 500, code: 'image_missing' })
  await named(site.image, 'roundhouse-test/comes-late')
  await until('it is there', async () => (await statusOf(server)).provisioning.can_provision)
  await mustProvision(server)
})

test('an image whose program is none leaves the reason from its log', async () => {
  const name = `roundhouse-test/no-program:${site.docker.label.value}`
  writeFileSync(join(folder, 'program'), 'just a text\n', { mode: 0o755 })
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY program /program\nENTRYPOINT ["/program"]\n')
  const { client } = site.docker
  const stream = await client.buildImage({ context: folder, src: ['Dockerfile', 'program'] }, { t: name })
  await new Promise((done) => client.modem.followProgress(stream, done))
  made.add(name)
  const server = site.server({ TARGET_IMAGE: name })
  await server.start()
  await provision(server)
  await until('the engine has failed', async () => (await failuresOf(server)).length > 0)
  const [failure] = await failuresOf(server)
  expect(failure?.reason).toMatch(/its log ends with: .*\/program/)
})
