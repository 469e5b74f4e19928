import { loadConfig } from '../../src/config/config.ts'
import type { OwnSurroundings } from '../../src/control/containers/own-places.ts'
import type { BootFact } from '../../src/control/facts/boot-facts.ts'
import type { NetworkFact } from '../../src/control/facts/connection-facts.ts'
import type { SessionFact } from '../../src/control/facts/session-facts.ts'
import type { HealthFact, HealthSource, HealthTarget } from '../../src/control/health/health-source.ts'
import type { Figures } from '../../src/core/streams/figures.ts'
import type { HostPort } from '../../src/core/types.ts'
import { panelFiles } from '../../src/panel-files.ts'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { createOrchestrator, type Orchestrator } from '../../src/wire/wire.ts'
import { figures } from './builders.ts'
import { ManualVpn } from './manual-vpn.ts'
import { MemoryRuntime } from './memory-runtime.ts'
import type { MemorySwarm } from './memory-swarm.ts'
import { asksForTables, tableAnswer } from './tcp-tables.ts'
import { type TempStore, tempStore } from './temp-store.ts'
import { settled, VirtualClock } from './virtual-clock.ts'

/** A source of health facts that a test reports by hand. */
class ManualHealth implements HealthSource {
  targets: readonly HealthTarget[] = []
  #handlers: Parameters<HealthSource['start']>[0] | null = null

  start(handlers: Parameters<HealthSource['start']>[0]): void {
    this.#handlers = handlers
  }

  setTargets(targets: readonly HealthTarget[]): void {
    this.targets = targets
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  /** Reports a probe of the current process of the engine at the published port. */
  report(port: number, ok: boolean, atMs: number): void {
    const { engineId, generation } = this.#targetAt(port)
    this.tell({ engineId, generation, ok, atMs, error: ok ? null : 'no answer' })
  }

  tell(fact: HealthFact): void {
    this.#handlers?.onFact(fact)
  }

  tellBoot(fact: BootFact): void {
    this.#handlers?.onBoot(fact)
  }

  tellSessions(...facts: readonly SessionFact[]): void {
    this.#handlers?.onSessions(facts)
  }

  /** Reports whether the engine at the published port says that it is connected. */
  network(port: number, connected: boolean, atMs: number): void {
    const { engineId, generation } = this.#targetAt(port)
    this.tellNetwork({ engineId, generation, connected, atMs })
  }

  tellNetwork(...facts: readonly NetworkFact[]): void {
    this.#handlers?.onNetwork(facts)
  }

  /**
   * Reports an answer about the session of a record, from the engine that is asked about it. Throws if no engine is asked.
   */
  session(record: number, state: SessionFact['state'], told: Figures | null, atMs: number): void {
    const target = this.targets.find(({ sessions }) => sessions.some((each) => each.streamRowId === record))
    if (target === undefined) throw new Error(`no engine is asked about the record ${record}`)
    const { engineId, generation } = target
    this.tellSessions({ engineId, generation, streamRowId: record, state, figures: told, atMs })
  }

  lose(): void {
    this.#handlers?.onLost()
  }

  #targetAt(port: number): HealthTarget {
    const target = this.targets.find(({ addresses }) => addresses.some((address) => address.port === port))
    if (target === undefined) throw new Error(`nothing is probed at port ${port}`)
    return target
  }
}

/** Records the requests to stop a session, and answers them. */
class ManualStops {
  readonly asked: { readonly addresses: readonly HostPort[]; readonly path: string }[] = []
  answer: 'stopped' | 'unknown' | 'silent' = 'stopped'

  stop(addresses: readonly HostPort[], path: string): Promise<ManualStops['answer']> {
    this.asked.push({ addresses, path })
    return Promise.resolve(this.answer)
  }
}

export const LABEL = { key: 'test.label', value: 'a=b' }
export const IMAGE = 'engine:1'

/** A request that acexy sends. A server that no acexy asks for minutes warns of that. */
export const AS_ACEXY = { headers: { 'user-agent': 'Go-http-client/1.1' } }

/** A container engine in memory, and the clock that it goes by. */
interface MemoryPlace<R> {
  readonly clock: VirtualClock
  readonly runtime: R
  /** The number of the rig among those on the container engine; missing for the first one. */
  readonly number?: number
}

/** The production application on a virtual clock, a container engine in memory and a real database file. */
export class RigOn<R extends MemoryRuntime | MemorySwarm> {
  readonly clock: VirtualClock
  readonly runtime: R
  readonly health = new ManualHealth()
  readonly vpn = new ManualVpn()
  readonly stops = new ManualStops()
  readonly temp: TempStore = tempStore()
  readonly logged: string[] = []
  /** How many milliseconds of virtual time each commit takes on the disk. */
  commitMs = 0
  /** By how much the machine's clock was set forward since the process began. */
  wallAheadMs = 0
  /** Where the database is said to lie; read at the start. */
  readonly database: { path: string; fileSystem: string | null } = { path: '/data/a.db', fileSystem: 'ext4' }
  orchestrator: Orchestrator
  /** The number of this rig among those on one container engine. It keeps the ids of two installations different. */
  readonly number: number
  #ids = 0

  /** `host` gives the container engine, which may be that of another rig. The database is new and empty. */
  constructor(
    private readonly env: Readonly<Record<string, string>>,
    host: MemoryPlace<R>,
    private readonly self: OwnSurroundings = { container: null, gateway: () => null },
  ) {
    this.number = (host.number ?? -1) + 1
    this.clock = host.clock
    this.runtime = host.runtime
    this.orchestrator = this.#build()
  }

  /** Starts the loops and waits until the first full pass is done. */
  async start(): Promise<this> {
    this.orchestrator.start()
    await settled()
    return this
  }

  /**
   * Restarts the application on the same database and containers. Nothing else of the old instance remains, as after a
   * crash.
   */
  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.during(this.orchestrator.stop())
    this.temp.reopen()
    this.orchestrator = this.#build(env)
    await this.start()
  }

  async dispose(): Promise<void> {
    await this.during(this.orchestrator.stop())
    this.temp.dispose()
  }

  /** Lets all requests come from this address from now on, as the server would tell it. */
  comeFrom(address: string): void {
    const door = { requestIP: () => ({ address }), timeout: () => undefined }
    Object.assign(this.orchestrator.app, { server: door })
  }

  request(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    return this.orchestrator.app.handle(
      new Request(`http://localhost${path}`, {
        method,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        ...init,
      }),
    )
  }

  async json<T>(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<T> {
    return (await this.request(method, path, body, init)).json() as Promise<T>
  }

  /** Sends a POST with acexy's body. The clock moves on meanwhile. */
  async provision(init: RequestInit = {}, body: unknown = { labels: {}, env: {} }): Promise<Response> {
    return this.during(this.request('POST', '/provision/acestream', body, init))
  }

  /** Reports a started stream on the engine at the published port, as a proxy does that shares our host. */
  play(port: number, id = 'key|session'): Promise<unknown> {
    const session = {
      playback_session_id: 'session',
      stat_url: `http://localhost:${port}/ace/stat/a/session`,
      command_url: `http://localhost:${port}/ace/cmd/a/session`,
      is_live: 1,
    }
    return this.json('POST', '/events/stream_started', {
      engine: { host: 'localhost', port },
      stream: { key_type: 'content_id', key: 'key' },
      session,
      labels: { stream_id: id },
    })
  }

  /** Reports what the engine of a stream now says about its session. */
  async say(
    record: number,
    state: SessionFact['state'],
    told: Partial<Figures> | null = null,
  ): Promise<void> {
    this.health.session(record, state, told === null ? null : figures(told), this.clock.now())
    await settled()
  }

  /** Waits for an answer, and lets up to a minute of virtual time pass until it comes. */
  async during<T>(answer: Promise<T>): Promise<T> {
    let isDone = false
    const done = answer.finally(() => {
      isDone = true
    })
    await settled()
    for (let step = 0; step < 600 && !isDone; step++) await this.clock.advance(100)
    return done
  }

  #build(env: Readonly<Record<string, string>> = {}): Orchestrator {
    const loaded = loadConfig(
      {
        TARGET_IMAGE: IMAGE,
        // No recipe has the name of the tests' image, which would be warned of.
        ENGINE_RECIPE: 'variables',
        CONTAINER_LABEL: `${LABEL.key}=${LABEL.value}`,
        ...this.env,
        ...env,
      },
      [],
    )
    if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
    const note = (fields: object, message: string): void => {
      this.logged.push(`${message} ${JSON.stringify(fields)}`)
    }
    const { store } = this.temp
    // Registered first, so that the time passes before any other listener hears of the commit.
    store.onCommit(() => this.clock.spend(this.commitMs))
    return createOrchestrator(loaded.config, {
      store,
      database: this.database,
      runtime: this.runtime,
      health: this.health,
      vpn: this.vpn,
      stopSession: (addresses, path) => this.stops.stop(addresses, path),
      clock: this.clock,
      self: this.self,
      descriptors: null,
      connections: { closeIdle: () => undefined, closeAll: () => undefined },
      wall: () => this.clock.now() + this.wallAheadMs,
      log: { debug: () => undefined, info: note, warn: note, error: note },
      newId: () =>
        `${String(this.number).padStart(8, '0')}-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`,
      random: () => 0.5,
      checkpoint: () => undefined,
      version: '0.0.0-test',
      panel: panelFiles,
    })
  }
}

/** The application on one Docker Engine, an empty one unless another rig's is given. */
export class Rig extends RigOn<MemoryRuntime> {
  constructor(
    env: Readonly<Record<string, string>> = {},
    host: MemoryPlace<MemoryRuntime> = emptyHost(),
    self?: OwnSurroundings,
  ) {
    super(env, host, self)
  }
}

function emptyHost(): MemoryPlace<MemoryRuntime> {
  const clock = new VirtualClock()
  const options = { clock, label: LABEL, deadlinesMs: DEFAULT_DEADLINES_MS, images: [IMAGE], programOf: null }
  const runtime = new MemoryRuntime(options)
  // No viewer is connected to any container.
  runtime.commandOf = (command) => (asksForTables(command) ? tableAnswer() : { exitCode: 0, output: '' })
  return { clock, runtime }
}
