import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { dockerRuntimeAt, until } from '../support/docker.ts'
import { ENGINE_CACHE } from '../support/engine-image.ts'
import { type EngineRow, mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import { engineOf, reportEnded, reportStarted, untilReady } from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(60_000)

interface CacheRow extends EngineRow {
  readonly last_cache_cleanup: string | null
  readonly cache_size_bytes: number | null
}

let site: TestSite

beforeAll(async () => {
  site = await openTestSite()
}, 120_000)

afterEach(() => site.cleanUp())
afterAll(() => site?.cleanUp())

/** Runs a script in an engine's cache folder and returns its output. Throws if it failed. */
async function inCache(id: string, script: string): Promise<string> {
  const runtime = dockerRuntimeAt(site.docker.dockerHost)
  const result = await runtime.commands.exec(id, ['sh', '-c', `cd "$1" && ${script}`, 'sh', ENGINE_CACHE])
  if (result.exitCode !== 0) throw new Error(JSON.stringify(result))
  return result.output
}

const cacheOf = async (server: TestServer, id: string): Promise<CacheRow> => {
  const row = (await server.get<CacheRow[]>('/engines')).find(({ container_id }) => container_id === id)
  if (row === undefined) throw new Error(`${id} is not listed\n${server.output}`)
  return row
}

async function usedOnce(server: TestServer): Promise<string> {
  const { container_id: id, host_http_port: port } = await mustProvision(server)
  await untilReady(server, 1)
  await reportStarted(server, { container_id: id, port }, 'stream')
  await inCache(id, `printf '%0200000d' 1 > piece && echo 1 > .state`)
  await reportEnded(server, 'stream')
  return id
}

test('the cache of an engine is emptied when it has fallen idle, and the engine goes on', async () => {
  const server = site.server({ ENGINE_CACHE_PATH: ENGINE_CACHE })
  await server.start()
  const id = await usedOnce(server)
  expect(await cacheOf(server, id)).toMatchObject({ last_cache_cleanup: null, cache_size_bytes: null })
  expect(await inCache(id, 'echo * .[!.]*')).toBe('piece .state\n')

  const row = await until('its cache was emptied', async () => {
    const now = await cacheOf(server, id)
    return now.last_cache_cleanup !== null && now
  })
  expect(row.cache_size_bytes).toBeWithin(200_000, 400_000)
  expect(Date.now() - Date.parse(row.last_cache_cleanup ?? '')).toBeWithin(0, 15_000)
  // The shell prints patterns that match nothing unchanged.
  expect(await inCache(id, 'echo * .[!.]*')).toBe('* .[!.]*\n')
  expect(await engineOf(server, id)).toMatchObject({ status: 'ready', listed: true })
})

test('a cache that cannot be emptied is one line in the log, and the engine serves on', async () => {
  // Nobody can remove anything there.
  const server = site.server({ ENGINE_CACHE_PATH: '/proc/sys/kernel' })
  await server.start()
  const id = await usedOnce(server)
  const warning = 'its cache was not emptied'
  await until('it is told', () => server.output.includes(warning))
  expect(server.output).toContain('the command ended with 1: rm: ')
  expect(server.output.split(warning)).toHaveLength(2)
  expect(await cacheOf(server, id)).toMatchObject({
    status: 'ready',
    listed: true,
    last_cache_cleanup: null,
    cache_size_bytes: null,
  })
})
