import type { ChaosTools } from './chaos-tools.ts'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'
import type { Control, SimGluetun } from './sim-gluetun.ts'
import type { SimHost } from './sim-host.ts'

/** Disturbances of VPN nodes. */
export const VPN_CHAOS_KINDS = [
  'vpn_cut_short',
  'vpn_cut_long',
  'vpn_stopped',
  'vpn_reconnect',
  'vpn_restart',
  'vpn_kill',
  'vpn_crash',
  'vpn_recreate',
  'vpn_missing',
  'vpn_pause',
  'vpn_port',
  'vpn_port_gone',
  'vpn_ports_flap',
  'vpn_control',
  'vpn_check_wrong',
] as const

export type VpnChaosKind = (typeof VPN_CHAOS_KINDS)[number]

/** How often stopped nodes are brought back, unless they are held down. */
const CARE_EVERY_MS = 5_000

export interface VpnChaosDeps {
  readonly clock: SimClock
  readonly host: SimHost
  readonly tools: ChaosTools
}

/** Disturbs VPN nodes behind the orchestrator's back. Does nothing without nodes. */
export class VpnChaos {
  constructor(private readonly deps: VpnChaosDeps) {
    if (deps.host.nodes.all.length > 0) this.#care()
  }

  /** Each applies a disturbance to a random node. */
  readonly deeds: Readonly<Record<VpnChaosKind, (random: Random) => void>> = {
    vpn_cut_short: (random) => this.#cut(random, random.int(3_000, 20_000)),
    vpn_cut_long: (random) => this.#cut(random, random.int(30_000, 300_000)),
    vpn_stopped: (random) =>
      this.#on(random, 'VPN stopped by its API', (node) => {
        node.process?.stopVpn()
        this.#repairAfter(random.int(3_000, 60_000), () => node.process?.startVpn())
      }),
    vpn_reconnect: (random) => this.#on(random, 'VPN reconnects', (node) => node.process?.reconnect()),
    vpn_restart: (random) =>
      this.#on(random, 'docker restart of Gluetun', ({ id }) => {
        if (id !== null) this.deps.tools.later(this.deps.tools.runtime.restartOutside(id))
      }),
    vpn_kill: (random) =>
      this.#onRunning(random, 'docker kill of Gluetun', random.int(0, 40_000), (id) =>
        this.deps.tools.runtime.kill(id),
      ),
    vpn_crash: (random) =>
      this.#onRunning(random, 'Gluetun crashes', 0, (id) => this.deps.tools.runtime.crash(id, 2)),
    vpn_recreate: (random) =>
      this.#on(random, 'Gluetun is made anew', (node) => {
        if (node.id !== null) this.deps.tools.runtime.removeOutside(node.id)
        node.create()
      }),
    vpn_missing: (random) =>
      this.#onRunning(random, 'Gluetun is removed', random.int(5_000, 90_000), (id) =>
        this.deps.tools.runtime.removeOutside(id),
      ),
    vpn_pause: (random) =>
      this.#onRunning(random, 'docker pause of Gluetun', random.int(1_000, 40_000), (id) =>
        this.deps.tools.runtime.pause(id),
      ),
    vpn_port: (random) => this.#on(random, 'another port is forwarded', (node) => node.changePorts()),
    vpn_port_gone: (random) =>
      this.#on(random, 'no port is forwarded', (node) => {
        const had = node.forwardedPorts.length > 0
        node.setForwarding(false)
        if (had) this.#repairAfter(random.int(2_000, 60_000), () => node.setForwarding(true))
      }),
    vpn_ports_flap: (random) =>
      this.#on(random, 'forwarded ports flap', (node) => {
        const [everyMs, changes] = [random.int(5_000, 90_000), random.int(3, 10)]
        for (let change = 0; change < changes; change++)
          this.#repairAfter(change * everyMs, () => node.changePorts())
      }),
    vpn_control: (random) =>
      this.#control(random, random.pick(['hangs', 'refuses', 'unauthorized'] as const)),
    vpn_check_wrong: (random) =>
      this.#on(random, 'the health check of the VPN is wrong', (node) => {
        node.isCheckWrong = true
        this.#repairAfter(random.int(20_000, 240_000), () => {
          node.isCheckWrong = false
        })
      }),
  }

  #cut(random: Random, ms: number): void {
    this.#on(random, 'tunnel cut', (node) => {
      node.setLine(false)
      this.#repairAfter(ms, () => node.setLine(true))
    })
  }

  #control(random: Random, control: Control): void {
    this.#on(random, `control server ${control}`, (node) => {
      node.control = control
      this.#repairAfter(random.int(5_000, 120_000), () => {
        node.control = 'answers'
      })
    })
  }

  #on(random: Random, what: string, act: (node: SimGluetun) => void): void {
    const node = random.pick(this.deps.host.nodes.all)
    if (node !== undefined) this.deps.tools.note(what, node.name, () => act(node))
  }

  /** Ends a node's container. Nothing brings it back before `heldMs` have passed. */
  #onRunning(random: Random, what: string, heldMs: number, act: (id: string) => void): void {
    this.#on(random, what, (node) => {
      const { id } = node
      if (id === null || this.deps.tools.stateOf(id) !== 'running') return
      node.heldUntilMs = this.deps.clock.now() + heldMs
      this.#repairAfter(heldMs, () => {
        node.heldUntilMs = 0
      })
      act(id)
    })
  }

  #repairAfter(ms: number, repair: () => void): void {
    this.deps.tools.repairAfter(ms, () => this.deps.tools.tryTo('a repair of the VPN', repair))
  }

  /** Simulates what compose files, restart policies and people do: a stopped node is started or created again. */
  #care(): void {
    const { clock, host, tools } = this.deps
    clock.after(CARE_EVERY_MS, () => {
      this.#care()
      for (const node of host.nodes.all) tools.tryTo('care for the VPN', () => this.#bringBack(node))
    })
  }

  #bringBack(node: SimGluetun): void {
    const { clock, tools } = this.deps
    if (clock.now() < node.heldUntilMs) return
    const { id } = node
    const state = id === null ? undefined : tools.stateOf(id)
    if (id === null || state === undefined) node.create()
    else if (state === 'paused') tools.runtime.unpause(id)
    else if (state === 'exited' || state === 'created') tools.runtime.startOutside(id)
  }
}
