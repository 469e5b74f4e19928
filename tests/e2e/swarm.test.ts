import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { firstStream, mustPlay, startedClient, thirdStream } from '../support/acexy-scenarios.ts'
import type { Viewing } from '../support/acexy-viewing.ts'
import { until } from '../support/docker.ts'
import { listedIds, mustProvision, mustRemove, provision } from '../support/fleet.ts'
import { forwardFrom } from '../support/forward.ts'
import { entryOf, scale, streamOf, untilReady } from '../support/lifecycle.ts'
import { ListWatch } from '../support/list-watch.ts'
import { mustStandStill, untilKnownAway, untilPlanning } from '../support/outage.ts'
import { rangeSetting } from '../support/ports.ts'
import { crashAt } from '../support/scenarios.ts'
import type { TestServer } from '../support/server.ts'
import { type SwarmRow, SwarmSite } from '../support/swarm-site.ts'
import { SwarmHosts } from '../support/two-hosts.ts'

/*
 * Docker Swarm, on two Docker Engines in namespaces of this machine: `host1` is the manager, and `host2` a worker. Roundhouse
 * runs on this machine, and the engines are the emulator in containers of both hosts.
 */

setDefaultTimeout(90_000)

const lacking = SwarmHosts.lacking()
if (lacking !== null) console.warn(`Docker Swarm is not tested here at all: ${lacking}.`)

/** An engine that was just given to a caller is listed, and its program is still starting. */
const STARTING_MAX_MS = 5_000
/** Three probes in vain, each of which takes its time. */
const UNLISTED_MAX_MS = 9_000
/** Swarm says at once that the port is taken. The rest is the start of the engine. */
const PASSED_OVER_MAX_MS = 10_000

const HELD = { first: 28_000, last: 28_009 }
const ON_WORKER = { SWARM_CONSTRAINTS: 'node.role==worker', PORT_RANGE_HOST: rangeSetting(HELD) }

const contentOf = (digit: string) => ({ by: 'id', key: digit.padStart(40, 'c') }) as const

describe.skipIf(lacking !== null)('on a swarm of two nodes', () => {
  let site: SwarmSite
  const closers: (() => Promise<void> | void)[] = []

  beforeAll(async () => {
    site = await SwarmSite.open()
  }, 150_000)
  afterAll(() => site?.close(), 60_000)

  async function cleanUp(): Promise<void> {
    for (const close of closers.splice(0).toReversed()) await close()
    await site.cleanUp()
  }

  /** A server, and acexy on the node of the manager. */
  async function besideManager(env: Readonly<Record<string, string>> = {}) {
    const server = site.server({ SWARM_POST_NODE: site.manager.name, ...env })
    const forward = await forwardFrom(site.manager)
    closers.push(forward.stop)
    await server.start()
    const isOurs = (url: string) => url.startsWith(server.url)
    return {
      server,
      send: (request: Request) => (isOurs(request.url) ? fetch(request) : forward.send(request)),
    }
  }

  async function startedAcexy(stage: Parameters<typeof startedClient>[0]) {
    const { acexy } = await startedClient(stage)
    closers.push(() => acexy.stop())
    return acexy
  }

  /** A server with an engine on each node and a viewer on each engine. */
  async function bothBusy() {
    const server = site.server({ MIN_REPLICAS: '2' })
    await server.start()
    const [[here], [there]] = await site.untilOn(server, 1, 1)
    const acexy = await startedAcexy({ server })
    const viewings = [await acexy.watch(contentOf('1')), await acexy.watch(contentOf('2'))]
    const viewed = (row: SwarmRow | undefined): { row: SwarmRow; viewing: Viewing } => {
      const viewing = viewings.find((each) => each.viewed.route.containerId === row?.container_id)
      if (row === undefined || viewing === undefined) throw new Error('nobody watches on one of the nodes')
      return { row, viewing }
    }
    return { server, acexy, onManager: viewed(here), onWorker: viewed(there) }
  }

  // Two side by side, because these leave the nodes as they are and wait most of the time. More at once would be too much for
  // the waits of acexy.
  describe.concurrent('that are both of use', () => {
    afterAll(cleanUp, 60_000)

    test('engines spread over the nodes, and the list is true throughout', async () => {
      const server = site.server()
      await server.start()
      const watch = new ListWatch(server)
      const first = await Promise.all([1, 2, 3, 4].map(() => mustProvision(server)))
      await site.agreement(server)
      for (const { container_id } of first.slice(0, 2)) await mustRemove(server, container_id)
      await Promise.all([1, 2].map(() => mustProvision(server)))
      await site.agreement(server)

      for (const [at, here] of (await site.untilOn(server, 2, 2)).entries()) {
        const { address } = site.hosts.host(at)
        expect(here.map(({ host }) => host)).toEqual([address, address])
        expect(new Set(here.map(({ port }) => port)).size).toBe(2)
      }
      const { looks, longestSilenceMs } = await watch.end()
      expect(looks).toBeGreaterThan(5)
      expect(longestSilenceMs).toBeLessThan(STARTING_MAX_MS)
    })

    // A swarm has no VPN: the settings say so. What scenario 2 asks of acexy is shown with a node that may take no engine.
    test('scenario 2: acexy uses a listed engine, and without one its viewer gets 503', async () => {
      const stage = await besideManager({ SWARM_CONSTRAINTS: 'node.labels.full!=yes' })
      const { server } = stage
      const { container_id } = await mustProvision(server)
      await untilReady(server, 1)
      await site.hosts.setLabels(site.manager, { full: 'yes' })
      await until('nothing can be provisioned', async () => (await blockedBy(server)) !== undefined)
      const acexy = await startedAcexy(stage)
      const viewing = await acexy.watch(contentOf('1'))
      const { host, containerId, provisioned } = viewing.viewed.route
      expect([host, containerId, provisioned]).toEqual([site.manager.address, container_id, null])
      await mustPlay(viewing)
      const refused: unknown = await acexy.watch(contentOf('2')).catch((error: unknown) => error)
      const why = 'host1 does not meet SWARM_CONSTRAINTS, host2 is not SWARM_POST_NODE=host1'
      expect(refused).toMatchObject({
        name: 'ViewerRefused',
        message: `no_host: No node of the swarm takes another engine: ${why}`,
        retryAfterSeconds: 10,
      })

      await site.hosts.setLabels(site.manager, {})
      await until('engines can be provisioned', async () => (await blockedBy(server)) === undefined)
      const later = await (await startedAcexy(stage)).watch(contentOf('2'))
      expect(later.viewed.route.host).toBe('localhost')
      await mustPlay(later)
      await Promise.all([viewing.leave(), later.leave()])
      expect(acexy.troubles).toEqual([])
    })
  })

  describe.concurrent('with acexy beside the manager', () => {
    afterAll(cleanUp, 60_000)

    test.each([
      ['scenario 1', firstStream],
      ['scenario 3', thirdStream],
    ] as const)('%s: acexy finds at its own localhost what it asked for', async (_, play) => {
      const stage = await besideManager({ ENGINE_ENV: '{"BOOT_MS":"6000"}' })
      await play(stage)
      const [here, there] = await site.engines(stage.server)
      expect([here.length > 0, there.length]).toEqual([true, 0])
    })
  })

  describe.concurrent('that Roundhouse finds again', () => {
    afterAll(cleanUp, 60_000)

    // The other points of a provision know nothing of the container engine.
    test.each(['after_create', 'after_start'] as const)(
      'a crash in a provision, %s, loses and doubles no engine',
      async (point) => {
        // Neither a periodic pass nor a deadline may come in between.
        const server = site.server({ MONITOR_INTERVAL_S: '600', PROVISION_DEADLINE_MS: '20000' })
        await crashAt(server, site.agreement, point)
      },
    )

    test('engines are found again on their nodes after a crash, also with a new database', async () => {
      const server = site.server({ MIN_REPLICAS: '2' })
      await server.start()
      const places = async () =>
        (await site.untilOn(server, 1, 1))
          .flat()
          .map((row) => [row.container_id, row.container_name, row.host_name, row.host, row.port].join(' '))
          .toSorted()
      const before = await places()
      for (const isNew of [false, true]) {
        await server.end('SIGKILL')
        if (isNew) server.forget()
        await server.start()
        expect(await places()).toEqual(before)
        await site.agreement(server)
      }
    })
  })

  describe.concurrent('with settings', () => {
    afterAll(cleanUp, 60_000)

    test('SWARM_CONSTRAINTS and SWARM_MAX_PER_NODE are kept to, and a refusal tells why node by node', async () => {
      const constraints = 'node.role==worker,node.labels.disk!=slow'
      const server = site.server({ SWARM_CONSTRAINTS: constraints, SWARM_MAX_PER_NODE: '2' })
      await server.start()
      await Promise.all([mustProvision(server), mustProvision(server)])
      await site.untilOn(server, 0, 2)
      const unmeant = 'does not meet SWARM_CONSTRAINTS'
      const messageOf = (worker: string) =>
        `No node of the swarm takes another engine: host1 ${unmeant}, host2 ${worker}`
      expect(await provision(server)).toMatchObject({
        ...{ kind: 'refused', status: 503, code: 'no_host' },
        body: {
          detail: { message: messageOf('has 2 engines, the most that it may have'), should_wait: true },
        },
      })
      await site.hosts.setLabels(site.worker, { disk: 'slow' })
      await until('the label counts', async () => (await blockedBy(server)) === messageOf(unmeant))
      await site.agreement(server)
    })

    // The routing mesh needs IPVS in the kernel, which not every machine has. So only the service is looked at.
    test('SWARM_PUBLISH=ingress asks for the routing mesh', async () => {
      const server = site.server({ SWARM_PUBLISH: 'ingress' })
      await server.start()
      void provision(server)
      const [service] = await until('there is a service', async () => {
        const services = await site.services(server)
        return services.length > 0 && services
      })
      const { Mode, Ports = [] } = service?.Spec?.EndpointSpec ?? {}
      expect(Mode).toBe('vip')
      expect(Ports.length).toBeGreaterThan(0)
      expect(Ports.map(({ PublishMode }) => PublishMode)).toEqual(Ports.map(() => 'ingress'))
    })

    test('a port that a program or another service holds on the node is passed over', async () => {
      closers.push(await site.worker.holdPort(HELD.first))
      for (const port of [HELD.first + 1, HELD.first + 2]) {
        const server = site.server(ON_WORKER)
        await server.start()
        const beganMs = performance.now()
        expect((await mustProvision(server)).host_http_port).toBe(port)
        expect(performance.now() - beganMs).toBeLessThan(PASSED_OVER_MAX_MS)
        await untilReady(server, 1)
        await site.agreement(server)
      }
    })
  })

  describe('of which one', () => {
    afterEach(cleanUp, 60_000)

    test('is lost: its engines are hidden, given up and started on the other one, until it is back', async () => {
      const { server, onManager, onWorker } = await bothBusy()
      const watch = new ListWatch(server)
      const lost = onWorker.row.container_id
      await site.worker.kill()
      const killedMs = performance.now()
      await until('its engine is hidden', async () => !(await listedIds(server)).includes(lost))
      expect(performance.now() - killedMs).toBeLessThan(UNLISTED_MAX_MS)
      expect(await site.hosts.isUp(site.worker)).toBe(true)
      const [here] = await site.untilOn(server, 2, 0)
      expect(here.map(({ container_id }) => container_id)).toContain(onManager.row.container_id)
      const { streamId } = onWorker.viewing.viewed
      expect(await streamOf(server, streamId)).toMatchObject({ status: 'ended', end_reason: 'host_lost' })
      expect(await warningCodes(server)).toContain('host_lost')
      await mustPlay(onManager.viewing)

      await site.worker.start()
      await until('the swarm hears of it', () => site.hosts.isUp(site.worker))
      await site.agreement(server)
      await scale(server, 4)
      await site.untilOn(server, 2, 2)
      await site.agreement(server)
      expect(await warningCodes(server)).not.toContain('host_lost')
      expect((await watch.end()).longestSilenceMs).toBeLessThan(UNLISTED_MAX_MS)
    })

    test('is the manager and freezes: what runs goes on, and nothing is lost or doubled at the thaw', async () => {
      const { server, acexy, onManager, onWorker } = await bothBusy()
      const rows = [onManager.row, onWorker.row]
      const viewings = [onManager.viewing, onWorker.viewing]
      const before = rows.map(({ container_id }) => container_id)
      await site.manager.freeze()
      await untilKnownAway(server)
      await mustStandStill(server, rows)
      expect(await provision(server)).toMatchObject({
        ...{ kind: 'refused', status: 503, code: 'runtime_unavailable', retryAfter: '4' },
        body: { detail: { recovery_eta_seconds: 4, should_wait: true } },
      })
      await Promise.all(viewings.map(mustPlay))
      expect((await listedIds(server)).toSorted()).toEqual(before.toSorted())

      await site.manager.thaw()
      await untilPlanning(server)
      await site.agreement(server)
      const { container_id } = await mustProvision(server)
      await site.agreement(server)
      const after = (await site.engines(server)).flat().map((row) => row.container_id)
      expect(after.toSorted()).toEqual([...before, container_id].toSorted())
      await Promise.all(viewings.map(mustPlay))
      await Promise.all(viewings.map((each) => each.leave()))
      expect(acexy.troubles).toEqual([])
    })

    test('is drained, paused and active again, as its operator says', async () => {
      const server = site.server({ MIN_REPLICAS: '2' })
      await server.start()
      const [, [drained]] = await site.untilOn(server, 1, 1)
      await site.hosts.setAvailability(site.worker, 'drain')
      await site.untilOn(server, 2, 0)
      await site.agreement(server)
      const { detail } = entryOf(server, 'engine.removal_requested', drained?.container_id ?? '')
      expect(detail).toMatchObject({ rule: 'host_drained', reason: 'its host host2 was drained' })

      await site.hosts.setAvailability(site.worker, 'active')
      await site.hosts.setAvailability(site.manager, 'pause')
      await untilStates(server, ['paused', 'up'])
      await scale(server, 6)
      await site.untilOn(server, 2, 4)
      await site.hosts.setAvailability(site.manager, 'active')
      await untilStates(server, ['up', 'up'])
      await scale(server, 8)
      await site.untilOn(server, 4, 4)
      await site.agreement(server)
    })
  })
})

interface StatusView {
  readonly provisioning: {
    readonly blocked_reason_details: { readonly message: string } | null
  }
  readonly warnings: readonly { readonly code: string }[]
  readonly hosts: readonly { readonly name: string; readonly state: string }[]
}

const statusOf = (server: TestServer) => server.get<StatusView>('/orchestrator/status')

const blockedBy = async (server: TestServer) =>
  (await statusOf(server)).provisioning.blocked_reason_details?.message

const warningCodes = async (server: TestServer) => (await statusOf(server)).warnings.map(({ code }) => code)

/** Waits until the server knows the states of the nodes, in the order of their names. */
const untilStates = (server: TestServer, states: readonly string[]) =>
  until(`the nodes are ${states.join(' and ')}`, async () => {
    const { hosts } = await statusOf(server)
    return hosts.map(({ state }) => state).join() === states.join()
  })
