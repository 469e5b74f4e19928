import {
  apart,
  type EnginePlace,
  isApartFrom,
  namedNetworks,
  type OwnPlace,
  ownNetwork,
} from '../../core/containers/own-place.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import type { Engine } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { Loop } from '../../lib/loop.ts'
import { type ContainerObservation, type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import type { Warnings } from '../reporting/warnings.ts'
import { present } from './present.ts'

/** What a process sees of its own container. */
export interface OwnSurroundings {
  /** The id of the container that it runs in, or the beginning of the id; null if it runs in none. */
  readonly container: string | null
  /** The address of the gateway through which it reaches the outside now; null if there is none. */
  readonly gateway: () => string | null
}

export interface OwnPlacesDeps {
  readonly clock: Clock
  readonly runtime: Pick<Runtime, 'inspect'>
  readonly warnings: Warnings
  readonly log: Log
  readonly self: OwnSurroundings
  /** DOCKER_NETWORK: `auto`, the name of a network, or null for Docker's default bridge. */
  readonly network: string | null
  /** The names of the VPN nodes; empty without a VPN. */
  readonly nodes: readonly string[]
  readonly onError: OnError
}

/** How often it is looked whether something has changed: somebody may follow the remedy while we run. */
const LOOK_MS = 5_000

const HOST: OwnPlace = { kind: 'host' }

/**
 * Finds out in which container and in which networks this process runs, which network engines join then, and whether we share
 * one with them.
 */
export class OwnPlaces {
  readonly #loop: Loop
  #self: OwnPlace | null = null
  #nodes: EnginePlace['nodes'] = null
  #told: string | null | undefined = undefined
  #sign: string | null = null
  #changedMs = Number.NEGATIVE_INFINITY
  readonly #news: Emitter

  constructor(private readonly deps: OwnPlacesDeps) {
    const { clock, onError, self } = deps
    if (self.container === null) this.#self = HOST
    this.#news = new Emitter(onError)
    const work = (signal: AbortSignal): Promise<void> => this.#round(signal)
    this.#loop = new Loop({ clock, intervalMs: LOOK_MS, first: 'now', work, onError })
  }

  start(): void {
    if (this.deps.self.container === null) this.#tell()
    else this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** Where this process runs; null while that is not known. */
  place(): OwnPlace | null {
    return this.#self
  }

  /** Calls `listener` when our place, or that of a node, is another than it was known to be. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /** When our place, or that of a node, was last seen to change: what answered before may be out of reach now. */
  changedMs(): number {
    return this.#changedMs
  }

  /** Whether it was found out where this process runs. */
  isKnown(): boolean {
    return this.#self !== null
  }

  /**
   * The network that a new engine without a VPN joins; null for Docker's default bridge. Throws RuntimeFailure if Docker has to
   * be asked and can't be.
   */
  async network(): Promise<string | null> {
    const { network } = this.deps
    if (network !== 'auto') return network
    this.#self ??= await this.#find()
    return ownNetwork(this.#self)
  }

  /** Why we do not reach new engines, with the remedy; null if we may, or if it is not known. */
  apart(): Warning | null {
    if (this.#self === null) return null
    return apart(this.#self, { network: this.#joined(), nodes: this.#nodes })
  }

  /** Whether names of containers mean something in the network that new engines without a VPN join. */
  areNewNamed(): boolean {
    const joined = this.#joined()
    return joined !== null && namedNetworks([joined]).length > 0
  }

  /** The network that new engines without a VPN join, as far as is known; null for Docker's default bridge. */
  #joined(): string | null {
    const { network } = this.deps
    return network === 'auto' ? this.#self && ownNetwork(this.#self) : network
  }

  /** Whether we share no network with this engine, wherever new ones go; false if that is not known. */
  isApart({ networks, vpnNode }: Pick<Engine, 'networks' | 'vpnNode'>): boolean {
    if (this.#self === null) return false
    const node = this.#nodes?.find(({ name }) => name === vpnNode)
    return isApartFrom(this.#self, vpnNode === null ? networks : (node?.networks ?? []))
  }

  /** The gateways of our networks, at which the host's published ports may be reached; empty if we run in no container. */
  gateways(): readonly string[] {
    return this.#self?.kind === 'container' ? this.#self.gateways : []
  }

  /** The networks of our own container; empty if we run in none. */
  networks(): readonly string[] {
    return this.#self?.kind === 'container' ? this.#self.networks : []
  }

  async #round(signal: AbortSignal): Promise<void> {
    try {
      this.#self = await this.#find(signal)
      this.#nodes = await this.#findNodes(signal)
    } catch (error) {
      // Whoever watches Docker tells why; what was known stays.
      if (!(error instanceof RuntimeFailure)) throw error
    }
    this.#tell()
    const sign = JSON.stringify([this.#self, this.#nodes])
    if (sign === this.#sign) return
    if (this.#sign !== null) this.#changedMs = this.deps.clock.now()
    this.#sign = sign
    this.#news.emit()
  }

  async #find(signal?: AbortSignal): Promise<OwnPlace> {
    const { runtime, self } = this.deps
    if (self.container === null) return HOST
    return await ownPlaceOf(runtime, { container: self.container, gateway: self.gateway() }, signal)
  }

  async #findNodes(signal: AbortSignal): Promise<EnginePlace['nodes']> {
    const { runtime, nodes } = this.deps
    if (nodes.length === 0) return null
    const found = await Promise.all(nodes.map((node) => present(runtime.inspect(node, signal))))
    return found.flatMap((node) => (node === null ? [] : [{ name: node.name, networks: node.networks }]))
  }

  #tell(): void {
    if (this.#self === null) return
    const { warnings, network, nodes, log } = this.deps
    if (network !== 'auto' || nodes.length > 0) return
    warnings.tell('network_not_found', this.#self.kind === 'host' ? NO_CONTAINER : null)
    const joined = ownNetwork(this.#self)
    if (joined === this.#told) return
    this.#told = joined
    log.info({ network: joined ?? 'bridge' }, `engines join ${joined ?? "Docker's default bridge"}`)
  }
}

const NO_CONTAINER: Warning = {
  message:
    'DOCKER_NETWORK=auto means the network of the container that Roundhouse runs in, and it runs in none of this Docker, or in ' +
    "the host's network: engines join Docker's default bridge",
  remedy: 'leave DOCKER_NETWORK out, or name a network of your own',
}

/** Asks Docker where the container is that has this id, or an id with this beginning. Throws RuntimeFailure. */
export async function ownPlaceOf(
  runtime: Pick<Runtime, 'inspect'>,
  { container, gateway }: { readonly container: string; readonly gateway: string | null },
  signal?: AbortSignal,
): Promise<OwnPlace> {
  const own = await present(runtime.inspect(container, signal))
  // The container is one of another Docker, such as the one that this one runs in.
  if (own === null) return HOST
  const owner = own.joins === null ? own : await present(runtime.inspect(own.joins, signal))
  return placeOf(own.name, owner, gateway)
}

/** The place of the container of this name, whose network is that of `owner` (null if that is gone). */
function placeOf(name: string, owner: ContainerObservation | null, gateway: string | null): OwnPlace {
  if (owner === null) return { kind: 'container', name, networks: [], wayOut: null, gateways: [] }
  const { networks, gateways } = owner
  if (networks.includes('host')) return HOST
  const wayOut = networks.find((network) => gateway !== null && gateways[network] === gateway) ?? null
  return { kind: 'container', name, networks, wayOut, gateways: Object.values(gateways).toSorted() }
}
