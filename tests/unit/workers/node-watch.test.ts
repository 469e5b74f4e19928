import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DEFAULT_DEADLINES_MS } from '../../../src/runtime/docker.ts'
import type { ContainerSpec } from '../../../src/runtime/runtime.ts'
import type { Whereabouts } from '../../../src/workers/vpn/control-search.ts'
import type { ControlAnswers, ControlClient, Learned } from '../../../src/workers/vpn/gluetun.ts'
import { NodeWatch } from '../../../src/workers/vpn/node-watch.ts'
import type { ContainerFact, ControlFact } from '../../../src/workers/vpn/vpn-protocol.ts'
import { MemoryRuntime } from '../../support/memory-runtime.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

const INTERVAL_MS = 5_000
const IMAGE = 'gluetun:1'

const GLUETUN: ContainerSpec = {
  name: 'gluetun',
  image: IMAGE,
  env: {},
  labels: {},
  ports: [],
  publishAddress: '',
  network: null,
  memoryBytes: null,
  cpus: null,
}

const WELL: ControlAnswers = {
  status: 'running',
  forwardedPorts: [51413],
  publicIp: '203.0.113.7',
  country: 'Exampleland',
  region: 'Region',
  city: 'Townsville',
  problem: null,
}

/** A control server that answers at once, or when the test releases it. */
class ManualControl implements ControlClient {
  readonly rounds: { readonly where: Whereabouts; readonly learned: Learned | null }[] = []
  /** What a round finds out. */
  finds: Learned | null = null
  /** How many rounds are in progress. */
  open = 0
  #held: PromiseWithResolvers<void> | null = null

  async ask(where: Whereabouts, learned: Learned | null, signal: AbortSignal) {
    this.rounds.push({ where, learned })
    const ended = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => ended.resolve(), { once: true })
    this.open += 1
    await (this.#held && Promise.race([this.#held.promise, ended.promise]))
    this.open -= 1
    return { answers: WELL, learned: this.finds }
  }

  /** From now on rounds hang until `release`. */
  hold(): void {
    this.#held = Promise.withResolvers()
  }

  release(): void {
    this.#held?.resolve()
    this.#held = null
  }
}

let clock: VirtualClock
let runtime: MemoryRuntime
let control: ManualControl
let facts: (ContainerFact | ControlFact)[]
let watch: NodeWatch

beforeEach(() => {
  clock = new VirtualClock()
  runtime = new MemoryRuntime({
    clock,
    label: { key: 'roundhouse.test', value: 'memory' },
    deadlinesMs: { ...DEFAULT_DEADLINES_MS, inspect: 3_000, subscribe: 3_000 },
    images: [IMAGE],
    programOf: null,
  })
  control = new ManualControl()
  facts = []
  watch = watchOf(true)
})

function watchOf(isGluetun: boolean): NodeWatch {
  const settings = { isGluetun, apiPort: 8000, publishedHost: '127.0.0.1', intervalMs: INTERVAL_MS }
  const report = (fact: ContainerFact | ControlFact) => facts.push(fact)
  return new NodeWatch('gluetun', { runtime, neighbours: runtime, control, clock, settings, report })
}

afterEach(() => watch.stop())

/** Creates and starts the node's container as somebody else. Returns its id. */
function startGluetun(changes: Partial<ContainerSpec> = {}): string {
  const id = runtime.createOutside({ ...GLUETUN, ...changes })
  runtime.startOutside(id)
  return id
}

async function begin(): Promise<void> {
  watch.start()
  await settled()
}

const looks = () => facts.filter((fact) => fact.type === 'container')
const lastLook = () => looks().at(-1)
const answers = () => facts.filter((fact) => fact.type === 'control')

/** The last fact that was reported while `act` ran, without any time passing. */
async function toldBy(act: () => unknown): Promise<ContainerFact | undefined> {
  const before = looks().length
  await act()
  await settled()
  return looks().slice(before).at(-1)
}

describe('what Docker says of a VPN node', () => {
  test('is told at once and once an interval', async () => {
    const id = startGluetun()
    await begin()
    const container = { id, state: 'running', health: null, healthText: null, addresses: ['172.17.0.2'] }
    expect(lastLook()).toMatchObject({
      node: 'gluetun',
      atMs: clock.now(),
      isMissing: false,
      error: null,
      container,
    })
    expect(lastLook()?.container?.startedAtMs).toBe(clock.now())
    // The second look is the one after the subscription is open.
    const before = looks().length
    await clock.advance(3 * INTERVAL_MS)
    expect(looks().length - before).toBe(3)
    expect(lastLook()?.atMs).toBe(clock.now())
  })

  test('has what its own settings say of forwarded ports, and no other of its variables', async () => {
    startGluetun({
      env: { VPN_PORT_FORWARDING: 'on', FIREWALL_VPN_INPUT_PORTS: '50000', OPENVPN_PASSWORD: 'secret' },
    })
    await begin()
    expect(lastLook()).toMatchObject({ container: { asksForPort: true, inputPorts: [50_000] } })
    expect(JSON.stringify(facts)).not.toContain('secret')
  })

  test('is told at every change, without a wait', async () => {
    await begin()
    expect(lastLook()).toMatchObject({ container: null, isMissing: true, error: null })
    const id = startGluetun()
    await settled()
    expect(lastLook()?.container).toMatchObject({ id, state: 'running' })
    const health = async (verdict: 'starting' | 'healthy' | 'unhealthy', text: string | null) =>
      (await toldBy(() => runtime.setHealth(id, verdict, text)))?.container
    expect(await health('healthy', null)).toMatchObject({ health: 'healthy', healthText: null })
    expect(await health('unhealthy', 'no route')).toMatchObject({
      health: 'unhealthy',
      healthText: 'no route',
    })
    expect((await toldBy(() => runtime.pause(id)))?.container?.state).toBe('paused')
    expect((await toldBy(() => runtime.unpause(id)))?.container?.state).toBe('running')
    await clock.advance(1_000)
    const again = await toldBy(() => runtime.restartOutside(id))
    expect(again?.container).toMatchObject({
      id,
      state: 'running',
      health: 'starting',
      startedAtMs: clock.now(),
    })
    expect((await toldBy(() => runtime.kill(id)))?.container).toMatchObject({
      state: 'exited',
      addresses: [],
    })
    expect(await toldBy(() => runtime.removeOutside(id))).toMatchObject({ container: null, isMissing: true })
    const next = await toldBy(() => startGluetun())
    expect(next?.container?.id).not.toBe(id)
  })

  test('is looked at again where a change comes during a look', async () => {
    const id = startGluetun()
    await begin()
    runtime.latencyMs = (verb) => (verb === 'inspect' ? 100 : 0)
    runtime.setHealth(id, 'unhealthy')
    await clock.advance(60)
    // The answer of the present look has left Docker by now.
    runtime.setHealth(id, 'healthy')
    await clock.advance(200)
    expect(lastLook()?.container?.health).toBe('healthy')
  })

  test('is not known, in words, while Docker cannot be asked; and told at once when it breaks and is back', async () => {
    const id = startGluetun()
    await begin()
    const broken = await toldBy(() => runtime.goDown())
    expect(broken).toMatchObject({
      container: null,
      isMissing: false,
      error: 'The container engine does not run.',
    })
    runtime.comeUp()
    await clock.advance(250)
    expect(lastLook()).toMatchObject({ error: null, container: { id } })
  })

  test('is asked for in vain no longer than its deadline', async () => {
    startGluetun()
    await begin()
    runtime.freeze()
    await clock.advance(INTERVAL_MS + 3_000)
    expect(lastLook()).toMatchObject({ container: null, isMissing: false })
    expect(lastLook()?.error).toContain('3000 ms')
    runtime.thaw()
  })

  test('is found after a gap of the subscription, which is begun again with growing waits', async () => {
    const id = startGluetun()
    await begin()
    let begun = 0
    runtime.faults.decide = ({ verb }) => {
      if (verb !== 'watch') return null
      begun += 1
      return { kind: 'lose_question' }
    }
    // The interval alone would find what the gap hides 5 s later.
    await clock.advance(INTERVAL_MS)
    runtime.breakEvents()
    await settled()
    runtime.deliverAfterMs = () => []
    runtime.setHealth(id, 'unhealthy')
    await clock.advance(250)
    expect(lastLook()?.container?.health).toBe('unhealthy')
    // The waits are 250, 500, 1,000 and 2,000 ms.
    expect(begun).toBe(1)
    await clock.advance(3_500)
    expect(begun).toBe(4)
    runtime.faults.clear()
    runtime.deliverAfterMs = () => [0]
    await clock.advance(4_000)
    expect((await toldBy(() => runtime.setHealth(id, 'healthy')))?.container?.health).toBe('healthy')
  })

  test('is followed anew at once after a subscription that stood for long', async () => {
    const id = startGluetun()
    await begin()
    for (let time = 0; time < 3; time++) {
      await clock.advance(20_000)
      runtime.breakEvents()
      await clock.advance(250)
      expect((await toldBy(() => runtime.pause(id)))?.container?.state).toBe('paused')
      runtime.unpause(id)
      await settled()
    }
  })
})

describe('the control server of a VPN node', () => {
  test('is not asked where the node is no Gluetun, which is looked at all the same', async () => {
    watch = watchOf(false)
    startGluetun()
    await begin()
    await clock.advance(3 * INTERVAL_MS)
    expect(control.rounds).toEqual([])
    expect(looks().length).toBeGreaterThan(3)
  })

  test('is asked right after a start, and once an interval from then on', async () => {
    await begin()
    await clock.advance(1_234)
    expect(control.rounds).toHaveLength(0)
    startGluetun()
    await settled()
    expect(answers()).toEqual([{ type: 'control', node: 'gluetun', atMs: clock.now(), ...WELL }])
    await clock.advance(3 * INTERVAL_MS)
    expect(answers().map(({ atMs }) => clock.now() - atMs)).toEqual([15_000, 10_000, 5_000, 0])
  })

  test('is asked where it may be: its own addresses, its published port, and its name as the last resort', async () => {
    const ports = [
      { containerPort: 8000, hostPort: 18_000, protocol: 'tcp' },
      { containerPort: 8000, hostPort: 18_001, protocol: 'udp' },
      { containerPort: 6878, hostPort: 6_878, protocol: 'tcp' },
    ] as const
    const id = startGluetun({ ports })
    await begin()
    const fallback = { host: 'gluetun', port: 8000 }
    const published = { host: '127.0.0.1', port: 18_000 }
    expect(control.rounds.at(-1)?.where).toEqual({
      addresses: [{ host: '172.17.0.2', port: 8000 }, published],
      fallback,
    })
    runtime.removeOutside(id)
    startGluetun({ network: 'host' })
    await settled()
    expect(control.rounds.at(-1)?.where).toEqual({ addresses: [{ host: '127.0.0.1', port: 8000 }], fallback })
  })

  test('is asked one round at a time, and one that hangs holds up nothing that Docker says', async () => {
    control.hold()
    const id = startGluetun()
    await begin()
    await clock.advance(10 * INTERVAL_MS)
    expect(control.rounds).toHaveLength(1)
    expect(answers()).toEqual([])
    expect(looks().length).toBeGreaterThan(10)
    expect((await toldBy(() => runtime.setHealth(id, 'unhealthy')))?.container?.health).toBe('unhealthy')
    control.release()
    await clock.advance(0)
    // The interval passed long ago, so the next round begins at once.
    expect(answers()).toHaveLength(2)
  })

  test('holds up nothing when Docker hangs, and is asked on while it cannot be asked', async () => {
    startGluetun()
    await begin()
    runtime.freeze()
    await clock.advance(4 * INTERVAL_MS)
    expect(answers()).toHaveLength(5)
    runtime.thaw()
    await settled()
    runtime.goDown()
    await clock.advance(2 * INTERVAL_MS)
    expect(answers()).toHaveLength(7)
  })

  test('is not asked while its container does not run', async () => {
    const id = startGluetun()
    await begin()
    const asked = async () => {
      const before = control.rounds.length
      await clock.advance(2 * INTERVAL_MS)
      return control.rounds.length - before
    }
    expect(await asked()).toBe(2)
    runtime.pause(id)
    expect(await asked()).toBe(0)
    runtime.unpause(id)
    expect(await asked()).toBeGreaterThan(1)
    runtime.kill(id)
    expect(await asked()).toBe(0)
    runtime.removeOutside(id)
    expect(await asked()).toBe(0)
  })

  test('is found once for each start of the container', async () => {
    const found = { address: { host: '172.17.0.2', port: 8000 }, portPath: '/v1/portforward' }
    control.finds = found
    const id = startGluetun()
    await begin()
    await clock.advance(INTERVAL_MS)
    await runtime.restartOutside(id)
    await settled()
    await clock.advance(INTERVAL_MS)
    runtime.removeOutside(id)
    startGluetun()
    await settled()
    await clock.advance(INTERVAL_MS)
    expect(control.rounds.map(({ learned }) => learned)).toEqual([null, found, null, found, null, found])
    control.finds = null
    await clock.advance(2 * INTERVAL_MS)
    expect(control.rounds.at(-1)?.learned).toBeNull()
  })

  test('of an earlier start is not heard any more, and the next start does not wait for it', async () => {
    control.hold()
    const id = startGluetun()
    await begin()
    await clock.advance(2_000)
    await runtime.restartOutside(id)
    await settled()
    // The earlier round was given up, and another one begun.
    expect([control.rounds.length, control.open]).toEqual([2, 1])
    expect(answers()).toEqual([])
    control.release()
    await settled()
    expect(answers()).toHaveLength(1)
  })
})

describe('a watch', () => {
  test('ends at once when it is stopped, whatever it waits for, and tells nothing afterwards', async () => {
    control.hold()
    const id = startGluetun()
    await begin()
    runtime.faults.hang('inspect')
    runtime.setHealth(id, 'unhealthy')
    await settled()
    facts.length = 0
    await watch.stop()
    expect(control.open).toBe(0)
    runtime.setHealth(id, 'healthy')
    await clock.advance(10 * INTERVAL_MS)
    expect(facts).toEqual([])
  })
})
