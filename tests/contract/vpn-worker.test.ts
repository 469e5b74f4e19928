import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { ContainerSpec } from '../../src/runtime/runtime.ts'
import { VpnHost } from '../../src/workers/vpn/vpn-host.ts'
import { connectTestDocker, dockerRuntimeAt, type TestDocker, until } from '../support/docker.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import { startChecked } from '../support/runtime-contract-checked.ts'
import { ensureTinyImage } from '../support/tiny-image.ts'
import { startVpnWorker } from '../support/vpn-worker.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

let docker: TestDocker
let image: string
beforeAll(async () => {
  docker = await connectTestDocker()
  image = await ensureTinyImage(docker.client)
})
afterEach(() => docker.cleanUp())
afterAll(() => docker.cleanUp())

const HOUR_MS = 3_600_000

/** Plays the control server of a container in the host's network. */
function controlServer(answer: (path: string) => Response | Promise<Response>) {
  const asked: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url }) => {
      const { pathname } = new URL(url)
      asked.push(pathname)
      return answer(pathname)
    },
  })
  cleanUps.push(() => server.stop(true))
  return { port: server.port ?? 0, asked }
}

const BODIES: Readonly<Record<string, string>> = {
  '/v1/vpn/status': '{"status":"running"}\n',
  '/v1/portforward': '{"port":51413,"ports":[51413]}\n',
  '/v1/publicip/ip': '{"public_ip":"203.0.113.7"}\n',
}
const well = (path: string) =>
  new Response(BODIES[path] ?? 'Not Found\n', { status: path in BODIES ? 200 : 404 })
const never = () => new Promise<Response>(() => undefined)

function worker(settings: Parameters<typeof startVpnWorker>[0]) {
  const started = startVpnWorker({ dockerHost: docker.dockerHost, ...settings })
  cleanUps.push(() => started.vpn.stop())
  return started
}

function specOf(name: string, changes: Partial<ContainerSpec> = {}): ContainerSpec {
  const labels = { [docker.label.key]: docker.label.value }
  const rest = { env: {}, ports: [], publishAddress: '', network: null, memoryBytes: null, cpus: null }
  return { name: `roundhouse-test-${docker.label.value}-${name}`, image, labels, ...rest, ...changes }
}

/** Runs a container with this specification. */
async function started(spec: ContainerSpec): Promise<string> {
  const runtime = dockerRuntimeAt(docker.dockerHost)
  const id = await runtime.create(spec)
  await runtime.start(id)
  return id
}

describe('the VPN worker', () => {
  test('tells what Docker and the control servers say of each node', async () => {
    const { port } = controlServer(well)
    const spec = specOf('one', { network: 'host' })
    const id = await started(spec)
    const { containers, controls } = worker({ nodes: [spec.name, 'roundhouse-test-none'], apiPort: port })
    const seen = await until('it is told', () => containers.find(({ node }) => node === spec.name))
    expect(seen).toMatchObject({
      isMissing: false,
      error: null,
      container: { id, state: 'running', health: null },
    })
    const missing = await until('it is told', () => containers.find(({ isMissing }) => isMissing))
    expect(missing).toMatchObject({ node: 'roundhouse-test-none', container: null, error: null })
    const said = await until('it is told', () => controls[0])
    expect(said).toMatchObject({ node: spec.name, status: 'running', forwardedPorts: [51413], problem: null })
    expect(new Set(controls.map(({ node }) => node))).toEqual(new Set([spec.name]))
  })

  test('tells a change of health, a restart and a new container of that name as they happen', async () => {
    const spec = specOf('two')
    const { id, pass } = await startChecked(docker.client, spec)
    const { containers } = worker({ nodes: [spec.name], intervalMs: HOUR_MS })
    const last = () => containers.at(-1)?.container
    await until('it is unhealthy', () => last()?.health === 'unhealthy')
    expect(last()?.healthText).toContain('/etc/tiny')
    await pass()
    await until('it is healthy', () => last()?.health === 'healthy')
    expect(last()?.healthText).toBeNull()
    const startedMs = last()?.startedAtMs ?? 0
    await docker.client.getContainer(id).restart({ t: 1 })
    await until('it was started again', () => (last()?.startedAtMs ?? 0) > startedMs)
    await docker.client.getContainer(id).remove({ force: true })
    await until('it is missing', () => containers.at(-1)?.isMissing)
    const next = await started(spec)
    await until('there is another', () => last()?.id === next && last()?.state === 'running')
  })

  test('tells changes in time while a control server hangs, and what is wrong with that one', async () => {
    const { port, asked } = controlServer(never)
    const spec = specOf('three', { network: 'host' })
    const id = await started(spec)
    const { containers, controls } = worker({
      ...{ nodes: [spec.name], apiPort: port, intervalMs: HOUR_MS, timeoutMs: 10_000 },
    })
    await until('it is asked', () => asked.length > 0)
    const beforeMs = performance.now()
    await docker.client.getContainer(id).pause()
    await until('it is told', () => containers.at(-1)?.container?.state === 'paused')
    expect(performance.now() - beforeMs).toBeLessThan(8_000)
    expect(controls).toEqual([])
    await docker.client.getContainer(id).unpause()
    const hasty = worker({ nodes: [spec.name], apiPort: port, timeoutMs: 100 })
    const said = await until('it is told', () => hasty.controls[0])
    expect(said.problem).toContain('does not answer GET /v1/vpn/status within 100 ms')
  })

  test('says that Docker cannot be asked, and sees what happened when it can be again', async () => {
    const proxy = await DockerProxy.open(docker.dockerHost)
    cleanUps.push(() => proxy.stop())
    const spec = specOf('four')
    const id = await started(spec)
    const { containers } = worker({ nodes: [spec.name], intervalMs: HOUR_MS, dockerHost: proxy.dockerHost })
    await until('it is seen', () => containers.some(({ container }) => container !== null))
    proxy.cut()
    const lost = await until('Docker is not heard', () => containers.find(({ error }) => error !== null))
    expect(lost).toMatchObject({ container: null, isMissing: false })
    await docker.client.getContainer(id).stop({ t: 1 })
    proxy.resume()
    await until('it is seen', () => containers.at(-1)?.container?.state === 'exited')
  })

  test('is back soon after a crash, and tells all anew', async () => {
    const spec = specOf('five')
    await started(spec)
    const { vpn, containers, troubles, returns, lost } = worker({ nodes: [spec.name], intervalMs: HOUR_MS })
    await until('it has looked', () => containers.length > 0)
    const beforeMs = performance.now()
    vpn.crash()
    await until('it is found dead', () => lost() === 1)
    const seen = containers.length
    await until('it looks again', () => containers.length > seen)
    expect(performance.now() - beforeMs).toBeLessThan(5_000)
    const [awayMs] = await until('it is said to be back', () => returns.length > 0 && returns)
    expect(awayMs).toBeWithin(250, 5_000)
    expect(troubles).toEqual(['the VPN worker ended: crashed as it was told to'])
  })

  test('stops by message, at once, also while a control server hangs', async () => {
    const { port, asked } = controlServer(never)
    const spec = specOf('six', { network: 'host' })
    await started(spec)
    const { vpn, troubles } = worker({ nodes: [spec.name], apiPort: port, timeoutMs: 10_000 })
    await until('it is asked', () => asked.length > 0)
    const startedMs = performance.now()
    await vpn.stop()
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    expect(troubles).toEqual([])
  })

  test('that was never started stops, too', async () => {
    const { settings } = {
      settings: { dockerHost: null, certificates: null, label: { key: 'a', value: 'b' }, nodes: [] },
    }
    const rest = {
      isGluetun: true,
      apiPort: 8000,
      publishedHost: 'h',
      auth: { kind: 'none' } as const,
      intervalMs: 1,
      timeoutMs: 1,
    }
    const spawn = (): Worker => {
      throw new Error('none is wanted')
    }
    const untold = {
      now: Date.now,
      onTrouble: () => undefined,
      onBack: () => undefined,
      onDropped: () => undefined,
    }
    const host = new VpnHost({ spawn, settings: { ...settings, ...rest }, ...untold })
    host.crash()
    expect(await host.stop()).toBeUndefined()
  })
})
