import {
  imageMissing,
  imagePulling,
  noFreePort,
  ProvisionRefused,
  PULL_ETA_S,
  permanent,
  type Refusal,
  runtimeUnavailable,
  vpnDisconnected,
} from '../../core/provisioning/refusal.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import type { Engine } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import { engineById, takeEngineNumber, transition, updateEngine } from '../../store/engines.ts'
import { appendJournal, type JournalEntry } from '../../store/journal.ts'
import { leasesOf } from '../../store/leases.ts'
import type { Db, Store } from '../../store/store.ts'
import type { BreakersSettings } from '../engines/breaker-notes.ts'
import { containerSpec } from '../engines/container-spec.ts'
import { endEngine } from '../engines/endings.ts'
import type { EngineTemplate } from '../engines/template.ts'
import type { ImageFacts } from '../facts/image-facts.ts'
import type { EnginePorts } from './engine-ports.ts'
import type { PortBook } from './port-book.ts'

/** Where a crash test may stop the process. Does nothing otherwise. */
export type Checkpoint = (name: 'after_tx1' | 'after_create' | 'after_start' | 'before_reply') => void

/** How a launch ended. `unknown`: Docker could not be asked, so the row stays `provisioning` and is settled later. */
export type LaunchEnd =
  | { readonly kind: 'started' }
  | { readonly kind: 'failed'; readonly refusal: Refusal }
  | { readonly kind: 'unknown' }

/** How a launch ended, when that is known. */
export type KnownEnd = Exclude<LaunchEnd, { readonly kind: 'unknown' }>

export interface LauncherDeps {
  readonly store: Store
  readonly clock: Clock
  readonly runtime: Runtime
  readonly enginePorts: EnginePorts
  readonly breakers: BreakersSettings
  readonly ports: PortBook
  readonly template: EngineTemplate
  /** The network that engines without a VPN join; see `OwnPlaces.network`. */
  readonly networkOf: () => Promise<string | null>
  readonly images: Pick<ImageFacts, 'note'>
  readonly warnings: { readonly tell: (code: 'start_refused', warning: Warning | null) => void }
  /** Whether a missing image is pulled. */
  readonly pullsImage: boolean
  readonly log: Log
  readonly checkpoint: Checkpoint
}

/** How many names and ports one launch tries at most. A taken name costs some milliseconds, a taken port some hundred. */
const TRIES_MAX = 100

/** The ETA if the node has just disappeared. The VPN monitor soon knows of that, and answers are more exact then. */
const NODE_GONE_ETA_S = 5

type Try = LaunchEnd | { readonly kind: 'again'; readonly engine: Engine }

/**
 * Creates and starts the container of a row in `provisioning`, and commits the outcome. That is the second transaction of a
 * provision. Meanwhile nobody else changes the row, except to request its removal.
 */
export class Launcher {
  constructor(private readonly deps: LauncherDeps) {}

  async launch(engine: Engine): Promise<LaunchEnd> {
    this.deps.checkpoint('after_tx1')
    let current = engine
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      const end = await this.#try(current)
      if (end.kind !== 'again') return end
      current = end.engine
    }
    return this.#fail(current, noFreePort(`${TRIES_MAX} ports or names in a row were taken by others`))
  }

  async #try(engine: Engine): Promise<Try> {
    const { runtime, template, networkOf, checkpoint } = this.deps
    let containerId: string
    try {
      const network = engine.vpnNode === null ? await networkOf() : null
      containerId = await runtime.create(containerSpec(template, engine, network))
    } catch (error) {
      return this.#createFailed(engine, failureOf(error))
    }
    checkpoint('after_create')
    try {
      await runtime.start(containerId)
    } catch (error) {
      return this.#startFailed(engine, containerId, failureOf(error))
    }
    checkpoint('after_start')
    return this.#commit(engine, containerId)
  }

  #commit(engine: Engine, containerId: string): LaunchEnd {
    const { store, clock, warnings, log } = this.deps
    warnings.tell('start_refused', null)
    const isCommitted = store.transact((tx) => {
      const change = { containerId, containerState: 'running', ...this.#handedOut(tx, engine) } as const
      if (!transition(tx, engine.id, ['provisioning'], 'starting', change)) return false
      const detail = { container_id: containerId, name: engine.name, port: engine.hostHttpPort }
      appendJournal(tx, clock.now(), { kind: 'provision.completed', engineId: engine.id, detail })
      return true
    })
    if (!isCommitted) return { kind: 'failed', refusal: permanent('the engine was removed meanwhile') }
    log.info(
      { engine: engine.id, name: engine.name, container: containerId, port: engine.hostHttpPort },
      'engine started',
    )
    return { kind: 'started' }
  }

  /** A caller that waits for the launch gets the engine now, and its stream is expected from now on. */
  #handedOut(tx: Db, { id }: Engine): { readonly handedOutAt?: number } {
    const row = engineById(tx, id)
    return row === undefined || row.handedOutAt === null ? {} : { handedOutAt: this.deps.clock.now() }
  }

  #createFailed(engine: Engine, failure: RuntimeFailure): Try {
    if (failure.code === 'conflict') return this.#rename(engine)
    // The routing mesh of a swarm knows at once that a port is taken.
    if (failure.code === 'port_taken') return this.#movePort(engine)
    const { images, template, pullsImage } = this.deps
    if (failure.code === 'image_missing' && engine.image === template.image) {
      images.note({ kind: 'missing', pullError: null })
      if (pullsImage) return this.#fail(engine, imagePulling(engine.image, PULL_ETA_S))
    }
    if (failure.code === 'refused') return this.#refused(engine, failure)
    if (failure.code !== 'unreachable') return this.#fail(engine, refusalOf(engine, failure))
    if (failure.effect === 'none') return this.#fail(engine, runtimeUnavailable(failure.message))
    return this.#leave(engine, failure)
  }

  async #startFailed(engine: Engine, containerId: string, failure: RuntimeFailure): Promise<Try> {
    if (failure.code === 'unreachable') return this.#leave(engine, failure)
    // The container still exists and was never started. If it can't be removed now, the next full pass removes it.
    const removed = await this.#remove(engine, containerId)
    if (failure.code === 'unrunnable') return this.#unrunnable(engine, failure)
    if (failure.code === 'refused') return this.#refused(engine, failure)
    if (failure.code !== 'port_taken') return this.#fail(engine, refusalOf(engine, failure))
    if (!removed)
      return this.#fail(engine, runtimeUnavailable('a container that could not start was left behind'))
    return this.#movePort(engine)
  }

  /**
   * Fails a launch whose image or command cannot run. The engine is at fault, unless Docker is shutting down: then it takes
   * no new connection, and the ping fails.
   */
  async #unrunnable(engine: Engine, failure: RuntimeFailure): Promise<LaunchEnd> {
    try {
      await this.deps.runtime.ping()
    } catch (error) {
      return this.#fail(engine, refusalOf(engine, failureOf(error)))
    }
    return this.#fail(engine, refusalOf(engine, failure), true)
  }

  /** Fails a launch that Docker refused. The host or a setting is the cause, so no breaker hears of it. */
  #refused(engine: Engine, failure: RuntimeFailure): LaunchEnd {
    const { warnings, template } = this.deps
    // What a caller asked for may be what Docker refuses.
    if (engine.image === template.image && engine.request.hostPort === null)
      warnings.tell('start_refused', {
        message: `The last start of an engine was refused. ${failure.message}`,
        remedy: 'Mend this on the host of Docker or in the settings. Until then no engine can be started.',
      })
    return this.#fail(engine, refusalOf(engine, failure))
  }

  /** Tries the next number. A container that is not ours has the name. */
  #rename(engine: Engine): Try {
    return this.#again(engine, (tx) => {
      const name = `acestream-${takeEngineNumber(tx)}`
      return { change: { name }, entry: { kind: 'provision.renamed', detail: { taken: engine.name, name } } }
    })
  }

  /** Handles a port that the host refused: the port is left alone for a while, and the engine gets another one. */
  #movePort(engine: Engine): Try {
    const { clock, ports, enginePorts, template } = this.deps
    const now = clock.now()
    // Only a port that is published can be refused.
    const refused = leasesOf(engine).filter(({ kind }) => kind !== 'p2p' || template.publishP2p)
    for (const { scope, port } of refused) ports.refuse(scope, port, now)
    const { hostPort } = engine.request
    if (hostPort !== null)
      return this.#fail(engine, noFreePort(`host_port ${hostPort} is in use on this host`))
    try {
      return this.#again(engine, (tx) => {
        const change = enginePorts.moved(tx, engine, now)
        const detail = { refused: refused.map(({ port }) => port), port: change.hostHttpPort }
        return { change, entry: { kind: 'provision.port_refused', detail } }
      })
    } catch (error) {
      if (error instanceof ProvisionRefused) return this.#fail(engine, error.refusal)
      throw error
    }
  }

  #again(engine: Engine, step: (tx: Db) => { change: Partial<Engine>; entry: JournalEntry }): Try {
    const { store, clock } = this.deps
    return store.transact((tx): Try => {
      const { change, entry } = step(tx)
      updateEngine(tx, engine.id, change)
      appendJournal(tx, clock.now(), { ...entry, engineId: engine.id })
      return { kind: 'again', engine: { ...engine, ...change } }
    })
  }

  #fail(engine: Engine, refusal: Refusal, isEngineFault = false): LaunchEnd {
    const { store, clock, breakers, log } = this.deps
    const { code, message: reason } = refusal
    const fault = isEngineFault ? breakers : null
    const end = { kind: 'provision_failed', code, reason, fault } as const
    store.transact((tx) => endEngine(tx, engine.id, end, clock.now()))
    log.warn({ engine: engine.id, name: engine.name, code }, `engine not started: ${reason}`)
    return { kind: 'failed', refusal }
  }

  #leave(engine: Engine, failure: RuntimeFailure): LaunchEnd {
    const { store, clock, log } = this.deps
    const detail = { reason: failure.message }
    store.transact((tx) =>
      appendJournal(tx, clock.now(), { kind: 'provision.unknown', engineId: engine.id, detail }),
    )
    log.warn(
      { engine: engine.id, name: engine.name },
      `whether the engine was started is not known: ${failure.message}`,
    )
    return { kind: 'unknown' }
  }

  async #remove(engine: Engine, containerId: string): Promise<boolean> {
    try {
      await this.deps.runtime.destroy(containerId)
      return true
    } catch (error) {
      this.deps.log.warn(
        { engine: engine.id, name: engine.name, container: containerId },
        `container not removed: ${failureOf(error).message}`,
      )
      return false
    }
  }
}

/** Returns a failure of the runtime. Throws anything else, which is a defect of ours. */
function failureOf(error: unknown): RuntimeFailure {
  if (error instanceof RuntimeFailure) return error
  throw error
}

/** Turns a failure of the runtime into a refusal. */
export function refusalOf(
  engine: { readonly image: string; readonly vpnNode?: string | null },
  failure: RuntimeFailure,
): Refusal {
  if (failure.code === 'no_network_container' && engine.vpnNode)
    return vpnDisconnected(`Gluetun VPN container '${engine.vpnNode}' is not running`, NODE_GONE_ETA_S)
  if (failure.code === 'unreachable') return runtimeUnavailable(failure.message)
  return failure.code === 'image_missing' ? imageMissing(engine.image) : permanent(failure.message)
}
