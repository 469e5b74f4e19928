import type { Callers } from './callers.ts'
import { ChaosTools, type ChaosToolsDeps } from './chaos-tools.ts'
import type { EngineProcess } from './engine-process.ts'
import type { Operators } from './operators.ts'
import { OwnerChaos } from './owner-chaos.ts'
import type { OwnerChaosKind } from './owners.ts'
import type { Random } from './random.ts'
import { CHAOS_KINDS, type ChaosKind, IMAGE, type Scenario } from './scenario.ts'
import type { Server } from './server.ts'
import type { StorageTrouble } from './storage-trouble.ts'
import { SwarmChaos, type SwarmChaosKind } from './swarm-chaos.ts'
import { VpnChaos, type VpnChaosKind } from './vpn-chaos.ts'
import { COPIES } from './vpn-scenario.ts'

/** How long the effects of an outage may last after its end: hung calls, back-offs, a full pass. */
const OUTAGE_ECHO_MS = 45_000

export interface ChaosDeps extends ChaosToolsDeps {
  readonly random: Random
  readonly server: Server
  readonly operators: Operators
  readonly callers: Callers
  readonly storage: StorageTrouble
  readonly ports: { readonly first: number; readonly last: number }
}

/** Causes random faults, and changes behind the orchestrator's back, until it is stopped. */
export class Chaos {
  #isOver = false
  readonly #tools: ChaosTools
  readonly #vpn: VpnChaos
  readonly #owners: OwnerChaos
  readonly #swarm: SwarmChaos
  #outage: { readonly fromMs: number; untilMs: number } | null = null

  constructor(private readonly deps: ChaosDeps) {
    this.#tools = new ChaosTools(deps)
    this.#vpn = new VpnChaos({ ...deps, tools: this.#tools })
    this.#owners = new OwnerChaos({ clock: deps.clock, host: deps.host, tools: this.#tools })
    this.#swarm = new SwarmChaos({ host: deps.host, tools: this.#tools })
  }

  /** Creates the containers that others have on the host before the first start. */
  prepare({ others }: Scenario): void {
    const random = this.deps.random.stream('others')
    for (const state of others) this.#owners.make(random, state)
  }

  start(means: Scenario['chaos']): void {
    const { swarm } = this.deps.host
    if (swarm !== null) swarm.taskMaxMs = swarm.scenario.taskMaxMs
    for (const kind of CHAOS_KINDS) {
      const mean = means[kind]
      if (mean !== null) this.#repeat(kind, mean, this.deps.random.stream(kind))
    }
  }

  /** Stops causing faults and repairs everything. */
  stop(): void {
    this.#isOver = true
    this.#tools.repairAll()
  }

  /** When the present outage began, or the last one if its effects may still show. Null without one. */
  outageSinceMs(): number | null {
    const outage = this.#outage
    return outage !== null && this.deps.clock.now() < outage.untilMs + OUTAGE_ECHO_MS ? outage.fromMs : null
  }

  #repeat(kind: ChaosKind, meanMs: number, random: Random): void {
    this.deps.clock.after(random.exponential(meanMs), () => {
      if (this.#isOver) return
      this.#repeat(kind, meanMs, random)
      const deeds = { ...this.#deeds, ...this.#vpn.deeds, ...this.#owners.deeds, ...this.#swarm.deeds }
      this.#tools.tryTo(kind, () => deeds[kind](random))
    })
  }

  readonly #deeds: Readonly<
    Record<Exclude<ChaosKind, VpnChaosKind | OwnerChaosKind | SwarmChaosKind>, (random: Random) => void>
  > = {
    engine_hangs: (random) => this.#mode(random, 'hung', random.int(3_000, 90_000)),
    engine_deaf: (random) => this.#mode(random, 'deaf', random.int(3_000, 60_000)),
    engine_crashes: (random) =>
      this.#tools.onRunning(random, 'engine crashes', (id) => this.#tools.runtime.crash(id)),
    engine_stalls: (random) => this.#stall(random),
    engine_mute: (random) => this.#mute(random),
    crash_loop: (random) =>
      this.#tools.onRunning(random, 'crash loop', (id) => this.#crashAgain(id, random.int(3, 7))),
    sickness: (random) => this.#sicken(random),
    docker_kill: (random) =>
      this.#tools.onRunning(random, 'docker kill', (id) => this.#tools.runtime.kill(id)),
    docker_stop: (random) =>
      this.#tools.onRunning(random, 'docker stop', (id) =>
        this.#tools.later(this.#tools.runtime.stopOutside(id)),
      ),
    docker_start: (random) => this.#startOne(random),
    docker_rm: (random) =>
      this.#tools.onAny(random, 'docker rm -f', (id) => this.#tools.runtime.removeOutside(id)),
    docker_restart: (random) =>
      this.#tools.onRunning(random, 'docker restart', (id) =>
        this.#tools.later(this.#tools.runtime.restartOutside(id)),
      ),
    docker_pause: (random) => this.#pause(random),
    docker_copy: (random) => this.#copy(random),
    stranger_port: (random) => this.#takePort(random),
    image_goes: (random) => this.#loseImage(random),
    daemon_down: (random) => this.#daemon('down', random.int(500, 40_000)),
    daemon_frozen: (random) => this.#daemon('frozen', random.int(500, 30_000)),
    daemon_stopped: (random) => this.#stopDaemon(random),
    events_broken: () => this.#tools.note('events broken', null, () => this.#tools.runtime.breakEvents()),
    storage_full: (random) => this.#fillDisk(random.int(200, 40_000)),
    storage_slip: (random) => this.#slip(random.int(0, 20)),
    worker_lost: (random) => {
      const { running } = this.deps.server
      const worker = random.chance(0.5) ? running?.health : running?.vpn
      worker?.lose(random.int(250, 6_000))
    },
    scale: (random) => void this.deps.operators.scale(random),
    delete: (random) => void this.deps.operators.deleteOne(random),
    drain: (random) => void this.deps.operators.drainOne(random),
    stop_stream: (random) => void this.deps.operators.stopStream(random),
    page_streams: (random) => void this.deps.operators.pageStreams(random),
    gc: () => void this.deps.operators.gc(),
    reset_breakers: (random) => void this.deps.operators.resetBreakers(random),
    look_at_plan: () => void this.deps.operators.lookAtPlan(),
    look_at_container: (random) => void this.deps.operators.lookAtContainer(random),
    look_by_label: () => void this.deps.operators.lookByLabel(),
    run_generic: (random) => void this.deps.callers.runGeneric(random),
    own_request: (random) => void this.deps.callers.provision(random),
    compare_status: () => void this.deps.callers.compareStatus(),
  }

  #mode(random: Random, mode: 'hung' | 'deaf', ms: number): void {
    const process = random.pick(this.deps.host.processes().filter((each) => each.mode === 'up'))
    if (process === undefined) return
    this.#tools.note(`engine ${mode}`, process.containerId, () => this.#set(process, mode))
    this.#tools.repairAfter(ms, () => this.#set(process, 'up'))
  }

  #set(process: EngineProcess, mode: EngineProcess['mode']): void {
    process.change(() => {
      process.mode = mode
    })
  }

  #stall(random: Random): void {
    const process = random.pick(this.deps.host.processes().filter((each) => each.moving().length > 0))
    const session = process?.moving()[0]
    if (process === undefined || session === undefined) return
    const stall = (isStalled: boolean) =>
      process.change(() => {
        session.isStalled = isStalled
      })
    this.#tools.note('session stalls', process.containerId, () => stall(true))
    this.#tools.repairAfter(random.int(5_000, 60_000), () => stall(false))
  }

  #mute(random: Random): void {
    const process = random.pick(this.deps.host.processes().filter((each) => each.answers))
    if (process === undefined) return
    const mute = (isMute: boolean) =>
      process.change(() => {
        process.isMute = isMute
        process.wasMute ||= isMute
      })
    this.#tools.note('engine plays nothing', process.containerId, () => mute(true))
    this.#tools.repairAfter(random.int(60_000, 400_000), () => mute(false))
  }

  #crashAgain(id: string, times: number): void {
    if (times === 0 || this.#isOver) return
    if (this.#tools.stateOf(id) === 'running')
      this.#tools.tryTo('engine crashes', () => this.#tools.runtime.crash(id))
    this.deps.clock.after(12_000, () => this.#crashAgain(id, times - 1))
  }

  #sicken(random: Random): void {
    const { sickness } = this.deps.host
    const isRefused = random.chance(0.3)
    this.#tools.note(isRefused ? 'starts are refused' : 'engines never come up', null, () => {
      sickness.neverUp = isRefused ? 0 : 0.8
      sickness.refused = isRefused ? 0.7 : 0
    })
    this.#tools.repairAfter(random.int(20_000, 120_000), () => {
      sickness.neverUp = 0
      sickness.refused = 0
    })
  }

  #startOne(random: Random): void {
    this.#tools.onRunning(random, 'docker stop, then start', (id) => {
      this.#tools.later(this.#tools.runtime.stopOutside(id))
      this.deps.clock.after(random.int(100, 4_000), () => {
        if (this.#tools.stateOf(id) !== 'exited') return
        this.#tools.tryTo('docker start', () =>
          this.#tools.note('docker start', id, () => this.#tools.runtime.startOutside(id)),
        )
      })
    })
  }

  #pause(random: Random): void {
    this.#tools.onRunning(random, 'docker pause', (id) => {
      this.#tools.runtime.pause(id)
      this.#tools.repairAfter(random.int(1_000, 40_000), () =>
        this.#tools.tryTo('docker unpause', () => this.#tools.runtime.unpause(id)),
      )
    })
  }

  /** Runs a container with all labels of one of our containers. */
  #copy(random: Random): void {
    const original = random.pick(this.#tools.ours())
    if (original === undefined) return
    const isStarted = random.chance(0.7)
    const { image, ports, joins, host } = original
    const labels = joins === null ? original.labels : this.#withOtherPorts(original.labels, joins, random)
    if (labels === null) return
    this.#tools.note(isStarted ? 'docker run of a copy' : 'docker create of a copy', original.id, () => {
      const moved = ports.map((port) => ({ ...port, hostPort: random.int(40_000, 49_999) }))
      const spec = { name: `copy-${random.int(0, 1e9)}`, image, env: {}, labels, ports: moved }
      const network = joins === null ? null : `container:${joins}`
      const place = host === null ? {} : { host: host.id }
      void this.#tools.runtime
        .create({ ...spec, ...place, publishAddress: '', network, memoryBytes: null, cpus: null })
        .then((id) => (isStarted ? this.#tools.runtime.startOutside(id) : undefined))
        .catch(() => undefined)
    })
  }

  /**
   * Gives a copy other ports, because two processes in the network of a VPN node can't listen on the same port. The ports
   * are among the last that the node publishes. Returns null if all of those are taken.
   */
  #withOtherPorts(
    labels: Readonly<Record<string, string>>,
    joins: string,
    random: Random,
  ): Record<string, string> | null {
    const last = this.deps.host.nodes.named(joins)?.scenario.ports.last ?? 0
    const there = this.#tools.runtime.containers().filter((each) => each.joins === joins)
    const taken = new Set(there.map((each) => each.labels['acestream.http_port']))
    const free = Array.from({ length: COPIES }, (_, below) => String(last - below)).filter(
      (port) => !taken.has(port),
    )
    const http = random.pick(free)
    if (http === undefined) return null
    return {
      ...labels,
      'acestream.http_port': http,
      'host.http_port': http,
      'acestream.https_port': String(random.int(50_000, 50_999)),
      'acestream.api_port': String(random.int(51_000, 51_999)),
      'acestream.p2p_port': String(random.int(52_000, 52_999)),
    }
  }

  #takePort(random: Random): void {
    const { first, last } = this.deps.ports
    // A narrow range has two spare ports, so at most these are taken.
    const port = random.int(first, Math.min(last, first + 12))
    this.deps.trace.note('chaos', `port ${port}`)
    this.#tools.note('a stranger takes a port', null, () => {
      const release = this.deps.host.takePort(port, random)
      this.#tools.repairAfter(random.int(5_000, 120_000), release)
    })
  }

  /** Somebody removes the image of the engines, and brings it back if nobody has pulled it by then. */
  #loseImage(random: Random): void {
    const { docker } = this.deps.host
    docker?.offerImage(IMAGE)
    this.#tools.note('image removed', null, () => docker?.removeImage(IMAGE))
    this.#tools.repairAfter(random.int(2_000, 90_000), () => docker?.addImage(IMAGE))
  }

  #fillDisk(ms: number): void {
    const { storage } = this.deps
    this.#tools.note('disk full', null, () => {
      storage.isFull = true
    })
    this.#tools.repairAfter(ms, () => {
      storage.isFull = false
    })
  }

  /** Makes one later transaction fail. */
  #slip(passesBefore: number): void {
    const { storage } = this.deps
    this.#tools.note('one transaction refused', null, () => {
      storage.passesBefore = passesBefore
    })
    this.#tools.repairAfter(60_000, () => {
      storage.passesBefore = null
    })
  }

  #noteOutage(ms: number): void {
    const now = this.deps.clock.now()
    this.#outage = {
      fromMs: this.outageSinceMs() ?? now,
      untilMs: Math.max(this.#outage?.untilMs ?? 0, now + ms),
    }
  }

  #daemon(how: 'down' | 'frozen', ms: number): void {
    this.#noteOutage(ms)
    if (how === 'down') this.#tools.note('daemon down', null, () => this.#tools.runtime.goDown())
    else this.#tools.note('daemon frozen', null, () => this.#tools.runtime.freeze())
    this.#tools.repairAfter(ms, () => {
      this.deps.trace.note('chaos', `daemon ${how} no more`)
      if (how === 'down') this.#tools.runtime.comeUp()
      else this.#tools.runtime.thaw()
    })
  }

  /** Stops the daemon without live-restore, or reboots the host, so that no `die` event arrives. */
  #stopDaemon(random: Random): void {
    const tellsDeaths = random.chance(0.5)
    const restarts = random.pick(['all', 'none'] as const)
    this.#tools.note(tellsDeaths ? 'daemon stopped' : 'host rebooted', null, () =>
      this.#tools.runtime.stopDaemon({ tellsDeaths }),
    )
    const downMs = random.int(500, 40_000)
    this.#noteOutage(downMs)
    this.#tools.repairAfter(downMs, () => {
      this.deps.trace.note('chaos', `daemon started, restarts ${restarts}`)
      this.#tools.runtime.comeUp({ restarts })
    })
  }
}
