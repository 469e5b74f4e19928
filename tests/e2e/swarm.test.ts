import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mustProvision, mustRemove } from '../support/fleet.ts'
import { ListWatch } from '../support/list-watch.ts'
import { enginesOf, SwarmSite } from '../support/swarm-site.ts'
import { SwarmHosts } from '../support/two-hosts.ts'

/*
 * Docker Swarm, on two Docker Engines in namespaces of this machine: `host1` is the manager, and `host2` a worker.
 */

setDefaultTimeout(90_000)

const lacking = SwarmHosts.lacking()
if (lacking !== null) console.warn(`Nothing of Docker Swarm is tested here: ${lacking}.`)

/** An engine that has just been given to a caller is listed, and its program is still starting. */
const STARTING_MAX_MS = 3_000

describe.skipIf(lacking !== null)('on a swarm of two nodes', () => {
  let site: SwarmSite

  beforeAll(async () => {
    site = await SwarmSite.open()
  }, 150_000)
  afterEach(() => site.cleanUp(), 60_000)
  afterAll(() => site?.close(), 60_000)

  test('engines spread over the nodes, and the list is true throughout', async () => {
    const server = site.server()
    await server.start()
    const watch = new ListWatch(server)
    const first = await Promise.all([1, 2, 3, 4].map(() => mustProvision(server)))
    await site.agreement(server)
    for (const { container_id } of first.slice(0, 2)) await mustRemove(server, container_id)
    await Promise.all([1, 2].map(() => mustProvision(server)))
    await site.agreement(server)

    const rows = await enginesOf(server)
    for (const host of site.hosts.hosts) {
      const here = rows.filter(({ host_name }) => host_name === host.name)
      expect(here).toHaveLength(2)
      expect(here.map(({ host: address }) => address)).toEqual([host.address, host.address])
      expect(new Set(here.map(({ port }) => port)).size).toBe(2)
    }
    const { looks, longestSilenceMs } = await watch.end()
    expect(looks).toBeGreaterThan(5)
    expect(longestSilenceMs).toBeLessThan(STARTING_MAX_MS)
  })
})
