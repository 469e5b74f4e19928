import type { Verdict } from '../../core/engines/health.ts'
import type { OutOfReach } from '../../core/engines/reach.ts'
import { asShownBy, type ObservedHost } from '../../core/hosts/host-state.ts'
import type { Expected } from '../../core/proxies/expected.ts'
import { type Engine, generationOf } from '../../core/types.ts'
import { isFirst, type Listing, listing, shownHealth, type VpnTrouble } from '../../core/views/listing.ts'
import { carriesForwardedPort } from '../../core/vpn/forwarded-port.ts'
import { namespaceOf } from '../../core/vpn/namespace.ts'
import { isContradicted } from '../../core/vpn/node-state.ts'
import { cutOffSinceMs } from '../../core/vpn/tunnel.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { ExpectedStreams } from '../facts/expected-streams.ts'
import type { Facts } from '../facts/facts.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { PlaybackFacts } from '../facts/playback-facts.ts'
import type { ReachFacts } from '../facts/reach-facts.ts'
import type { VpnNode, VpnNodes } from '../vpn/vpn-nodes.ts'

/** Decides from the facts of this moment what proxies may be told of one engine. */
export class Listings {
  constructor(
    private readonly deps: {
      readonly facts: Facts
      readonly clock: Clock
      readonly nodes: VpnNodes
      readonly connections: ConnectionFacts
      readonly playback: Pick<PlaybackFacts, 'version' | 'standing' | 'playsNothing'>
      readonly expected: ExpectedStreams
      readonly outOfReach: Pick<ReachFacts, 'version' | 'of'>
      readonly hosts: Pick<HostFacts, 'version' | 'of'>
    },
  ) {}

  /** Grows with every change of the facts, and of what is expected. Time alone changes some answers, too. */
  version(): number {
    return this.factsVersion() + this.deps.expected.version()
  }

  /** As `version`, but without what is expected. */
  factsVersion(): number {
    const { facts, nodes, connections, playback, outOfReach, hosts } = this.deps
    const known = facts.version() + nodes.version() + connections.version() + hosts.version()
    return known + playback.version() + outOfReach.version()
  }

  /** Whether `GET /engines` lists the engine, which has a started stream or not; and if not, why. */
  of(engine: Engine, hasStream: boolean): Listing {
    return listing({
      engine,
      isRunning: this.deps.facts.isRunning(engine),
      verdict: this.#verdict(engine),
      vpnTrouble: this.#vpnTrouble(engine),
      host: this.#host(engine)?.condition ?? null,
      outOfReach: this.#outOfReach(engine, hasStream),
    })
  }

  shownHealth(engine: Engine): Verdict {
    const isDoubtful = this.deps.playback.standing(engine.id, generationOf(engine)) !== null
    return shownHealth(this.#verdict(engine), isDoubtful)
  }

  /** Whether the engine belongs to the first group in the list. */
  isFirst(engine: Engine): boolean {
    return isFirst(engine, this.shownHealth(engine), this.deps.clock.now())
  }

  /** Since when the engine is known to play nothing, in epoch milliseconds; null if it is not. */
  playsNothingSinceMs(engine: Engine): number | null {
    return this.deps.playback.playsNothing(engine.id, generationOf(engine))?.sinceMs ?? null
  }

  isForwarded(engine: Engine): boolean {
    return carriesForwardedPort(engine, this.#nodeOf(engine))
  }

  /** The streams that are expected on the engine; null for none. */
  expectedOn(engine: Engine): Expected | null {
    return this.deps.expected.of(engine)
  }

  /** The silence of an engine that our questions do not reach says nothing about it. */
  #verdict(engine: Engine): Verdict {
    const { facts, clock, outOfReach } = this.deps
    return outOfReach.of(engine)?.of === 'us' ? 'unknown' : facts.health(engine.id, clock.now()).verdict
  }

  #host(engine: Engine): ObservedHost | null {
    const { hosts, facts, clock } = this.deps
    return asShownBy(facts.health(engine.id, clock.now()), hosts.of(engine))
  }

  /** Whoever was given the engine goes to it, and a stream shows that proxies reach it. */
  #outOfReach(engine: Engine, hasStream: boolean): OutOfReach['of'] | null {
    const isUsed = hasStream || this.expectedOn(engine)?.isHandedOut === true
    return isUsed ? null : (this.deps.outOfReach.of(engine)?.of ?? null)
  }

  #vpnTrouble(engine: Engine): VpnTrouble {
    if (this.deps.nodes.outside(engine) !== null) return 'outside'
    const node = this.#nodeOf(engine)
    if (node === null) return 'none'
    if (node.verdict.state === 'down') return 'node_down'
    if (namespaceOf(engine, node.container) !== 'alive') return 'network_gone'
    const connection = this.deps.connections.of(engine.id, generationOf(engine))
    const isWorking = node.verdict.state === 'up' || isContradicted(node.verdict)
    return isWorking && cutOffSinceMs(connection) !== null ? 'cut_off' : 'none'
  }

  #nodeOf({ vpnNode }: Engine): VpnNode | null {
    return vpnNode === null ? null : (this.deps.nodes.get(vpnNode) ?? null)
  }
}
