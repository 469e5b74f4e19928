import type { Verdict } from '../../core/engines/health.ts'
import type { Expected } from '../../core/proxies/expected.ts'
import { type Engine, generationOf } from '../../core/types.ts'
import { isFirst, type Listing, listing, shownHealth, type VpnTrouble } from '../../core/views/listing.ts'
import { carriesForwardedPort } from '../../core/vpn/forwarded-port.ts'
import { namespaceOf } from '../../core/vpn/namespace.ts'
import { cutOffSinceMs } from '../../core/vpn/tunnel.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { ExpectedStreams } from '../facts/expected-streams.ts'
import type { Facts } from '../facts/facts.ts'
import type { PlaybackFacts } from '../facts/playback-facts.ts'
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
    },
  ) {}

  /** Grows with every change of the facts. Time alone changes some answers, too. */
  version(): number {
    const { facts, nodes, connections, playback, expected } = this.deps
    return [facts, nodes, connections, playback, expected].reduce((sum, each) => sum + each.version(), 0)
  }

  /** Whether `GET /engines` lists the engine, and if not, why. */
  of(engine: Engine): Listing {
    const { facts, clock } = this.deps
    return listing({
      engine,
      isRunning: facts.isRunning(engine),
      verdict: facts.health(engine.id, clock.now()).verdict,
      vpnTrouble: this.#vpnTrouble(engine),
    })
  }

  shownHealth(engine: Engine): Verdict {
    const { facts, clock, playback } = this.deps
    const isDoubtful = playback.standing(engine.id, generationOf(engine)) !== null
    return shownHealth(facts.health(engine.id, clock.now()).verdict, isDoubtful)
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

  #vpnTrouble(engine: Engine): VpnTrouble {
    if (this.deps.nodes.outside(engine) !== null) return 'outside'
    const node = this.#nodeOf(engine)
    if (node === null) return 'none'
    if (node.verdict.state === 'down') return 'node_down'
    if (namespaceOf(engine, node.container) !== 'alive') return 'network_gone'
    const connection = this.deps.connections.of(engine.id, generationOf(engine))
    return node.verdict.state === 'up' && cutOffSinceMs(connection) !== null ? 'cut_off' : 'none'
  }

  #nodeOf({ vpnNode }: Engine): VpnNode | null {
    return vpnNode === null ? null : (this.deps.nodes.get(vpnNode) ?? null)
  }
}
