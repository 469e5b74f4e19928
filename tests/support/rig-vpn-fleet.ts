import type { HealthTarget } from '../../src/control/health/health-source.ts'
import { newestJournal } from '../../src/store/journal.ts'
import { figures } from './builders.ts'
import { AS_ACEXY, type Rig } from './rig.ts'
import { type RigNode, startBehindVpn } from './rig-vpn.ts'
import { settled } from './virtual-clock.ts'

interface Warning {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

/** A rig behind VPN nodes whose nodes and engines report their state each second, as a test sets it. */
export class VpnFleet {
  /** The ports of engines that say that they are not connected. */
  readonly cutOff = new Set<number>()
  /** The ports of engines whose streams stand still. */
  readonly still = new Set<number>()
  #areAnswering = true

  private constructor(
    readonly rig: Rig,
    readonly nodes: readonly RigNode[],
    readonly node: RigNode,
  ) {}

  static async start(
    names: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<VpnFleet> {
    const { rig, nodes } = await startBehindVpn(names, env)
    const [node] = nodes
    if (node === undefined) throw new Error('a fleet needs a node')
    return new VpnFleet(rig, nodes, node)
  }

  /** Lets time pass. Engines that boot answer, too. */
  async pass(seconds: number): Promise<void> {
    const { rig } = this
    for (let second = 0; second < seconds; second++) {
      await rig.clock.advance(1_000)
      for (const each of this.nodes) each.report()
      if (this.#areAnswering) for (const target of rig.health.targets) this.#answer(target)
      await settled()
    }
  }

  /** Lets no engine answer from now on. */
  silence(): void {
    this.#areAnswering = false
  }

  /** Lets the control server of the first node say that its VPN was stopped. */
  stopVpn(): void {
    this.node.control = { status: 'stopped' }
  }

  /** Makes engines by requests, and lets them become ready and connected. */
  async provision(count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const { status } = await this.rig.provision()
      if (status !== 200) throw new Error(`a provision was answered ${status}`)
    }
    await this.pass(3)
  }

  /** The names of the listed engines, sorted. */
  async listed(): Promise<string[]> {
    const rows = await this.rig.json<{ container_name: string }[]>('GET', '/engines')
    return rows.map(({ container_name }) => container_name).sort()
  }

  async vpn(): Promise<{ nodes: { state: string; since: string; reason: string | null }[] }> {
    return this.rig.json('GET', '/vpn/status')
  }

  async state(): Promise<string | undefined> {
    return (await this.vpn()).nodes[0]?.state
  }

  async warnings(): Promise<readonly Warning[]> {
    const status = await this.rig.json<{ warnings: readonly Warning[] }>(
      'GET',
      '/orchestrator/status',
      undefined,
      AS_ACEXY,
    )
    return status.warnings
  }

  async warning(code: string): Promise<Warning | undefined> {
    return (await this.warnings()).find((each) => each.code === code)
  }

  async codes(): Promise<string[]> {
    return (await this.warnings()).map(({ code }) => code)
  }

  /** The kinds of the journal's entries, the newest first. */
  kinds(): string[] {
    return newestJournal(this.rig.temp.store.db, 500).map(({ kind }) => kind)
  }

  #answer({ engineId, generation, addresses, networkIntervalMs, sessions }: HealthTarget): void {
    const { health, clock } = this.rig
    const atMs = clock.now()
    const port = addresses[0]?.port ?? 0
    const from = { engineId, generation, atMs }
    health.tell({ ...from, ok: true, error: null })
    if (networkIntervalMs !== null) health.tellNetwork({ ...from, connected: !this.cutOff.has(port) })
    const figured = figures({ downloaded: this.still.has(port) ? 0 : atMs })
    for (const { streamRowId } of sessions)
      health.tellSessions({ ...from, streamRowId, state: 'serves', figures: figured })
  }
}
