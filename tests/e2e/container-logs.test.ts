import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { until } from '../support/docker.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import { mustProvision, openTestSite, type TestSite } from '../support/fleet.ts'
import type { TestServer } from '../support/server.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(60_000)

let site: TestSite
/** In front of Docker, to count the connections of the server. */
let proxy: DockerProxy
let server: TestServer
let id: string
beforeAll(async () => {
  site = await openTestSite()
  proxy = await DockerProxy.open(site.docker.dockerHost)
  server = site.server({ DOCKER_HOST: proxy.dockerHost })
  await server.start()
  id = (await mustProvision(server)).container_id
}, 120_000)
afterAll(async () => {
  await site?.cleanUp()
  proxy?.stop()
})

/** Reads a log that is followed; `text` grows. */
async function follow(query = 'follow=true') {
  const leave = new AbortController()
  const answer = await fetch(`${server.url}/containers/${id}/logs?${query}`, { signal: leave.signal })
  expect(answer.status).toBe(200)
  const read = { text: '', isDone: false, leave: () => leave.abort() }
  const go = async (): Promise<void> => {
    const decoder = new TextDecoder()
    try {
      if (answer.body !== null)
        for await (const chunk of answer.body) read.text += decoder.decode(chunk, { stream: true })
    } catch {
      // The test has left.
    }
    read.isDone = true
  }
  void go()
  return read
}

test('the log of an engine is given with times, and goes on until its container ends', async () => {
  const log = await until(
    'the engine has written something',
    async () => (await (await fetch(`${server.url}/containers/${id}/logs?tail=5`)).text()) || null,
  )
  const lines = log.split('\n').slice(0, -1)
  expect(lines.length).toBeWithin(1, 6)
  for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z /)

  const read = await follow()
  await until('the lines from before are here', () => read.text.includes(log))
  // By default, Bun closes a connection that is silent for 10 s.
  const quietMs = performance.now()
  await until('it was quiet for long', () => performance.now() - quietMs > 12_500, 20_000)
  expect(read.isDone).toBe(false)

  const other = (await mustProvision(server)).container_id
  const container = site.docker.client.getContainer(other)
  const ending = await fetch(`${server.url}/containers/${other}/logs?follow=true&tail=1`)
  await container.kill()
  await ending.text()
  read.leave()
})

test('a reader who leaves leaves no connection to Docker behind', async () => {
  await until('no log is followed', () => proxy.following() === 0)
  const reads = await Promise.all([follow(), follow(), follow()])
  expect(proxy.following()).toBe(3)
  for (const { leave } of reads) leave()
  await until('the connections are closed', () => proxy.following() === 0, 2_000)
})

test('the end of the server ends those who follow', async () => {
  const read = await follow()
  expect(await server.end()).toBeLessThan(2_000)
  await until('the answer has ended', () => read.isDone)
})
