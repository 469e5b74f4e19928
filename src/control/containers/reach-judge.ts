import { namedNetworks } from '../../core/containers/own-place.ts'
import { unreachableWarning } from '../../core/containers/reach-warning.ts'
import { isMuteSince, isUntold, type OutOfReach } from '../../core/engines/reach.ts'
import { type Engine, generationOf, isProbed } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { Loop } from '../../lib/loop.ts'
import type { Addresses } from '../engines/addresses.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { Facts } from '../facts/facts.ts'
import type { ReachFacts } from '../facts/reach-facts.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { OwnPlaces } from './own-places.ts'

export interface ReachJudgeDeps {
  readonly clock: Clock
  readonly rows: Pick<FleetRows, 'read'>
  readonly facts: Pick<Facts, 'health' | 'probedSinceMs' | 'publishedOn' | 'doesAnyAnswer'>
  readonly outOfReach: Pick<ReachFacts, 'set'>
  readonly ownPlaces: Pick<
    OwnPlaces,
    'apart' | 'areNewNamed' | 'isApart' | 'networks' | 'changedMs' | 'onNews'
  >
  readonly addresses: Pick<Addresses, 'wayTo'>
  /** The host that proxies are told for published ports, and what it is; a kind of null is a name. */
  readonly told: { readonly host: string; readonly kind: 'loopback' | 'address' | null }
  /** Whether proxies are told an address of the host at which we may reach published ports, too. */
  readonly isHostReached: boolean
  readonly warnings: Pick<Warnings, 'tell'>
  readonly onError: OnError
}

const LOOK_MS = 2_000

/** What decides about one engine beside its own place. */
interface Known {
  readonly isMoving: boolean
  readonly answering: ReadonlySet<string>
  readonly isMute: boolean
}

/** Where an engine is, for comparison with others and for people: the node that it is behind, or its networks. */
const placeOf = ({ vpnNode, networks }: Engine): string => vpnNode ?? networks.join(', ')

/**
 * Finds the engines that are out of reach where they are, by their own networks and ports, and tells users. Where new
 * engines go tells only what becomes of them: a setting that was changed does not move those that are there.
 */
export class ReachJudge {
  readonly #loop: Loop

  constructor(private readonly deps: ReachJudgeDeps) {
    const { clock, onError } = deps
    this.#loop = new Loop({ clock, intervalMs: LOOK_MS, first: 'now', work: () => this.judge(), onError })
    deps.ownPlaces.onNews(() => this.judge())
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** Judges all engines by what is known now. Time alone changes the outcome: call this regularly. */
  judge(): void {
    const { rows, outOfReach, ownPlaces, facts, isHostReached, told, warnings } = this.deps
    const engines = rows.read().engines.filter(isProbed)
    const apart = ownPlaces.apart()
    const answering = this.#placesOf(engines)
    const found = engines.flatMap((engine): [Engine, OutOfReach][] => {
      const why = this.#why(engine, { isMoving: apart === null, answering, isMute: this.#isMute(engine) })
      return why === null ? [] : [[engine, why]]
    })
    outOfReach.set(found)
    const isNoneReached =
      found.some(([, { isMoving }]) => !isMoving) || !(isHostReached || facts.doesAnyAnswer())
    const unreached = found.map(([engine, why]) => ({ ...why, name: engine.name, place: placeOf(engine) }))
    warnings.tell(
      'engines_unreachable',
      unreachableWarning(unreached, {
        apart: isNoneReached ? apart : null,
        own: ownPlaces.networks().join(', ') || 'no network',
        told: told.host,
      }),
    )
  }

  /** Why an engine is out of reach that was silent until it failed, however short its time was; null if it is not. */
  ofSilent(engine: Engine): OutOfReach | null {
    const { rows, ownPlaces } = this.deps
    const answering = this.#placesOf(rows.read().engines)
    return this.#why(engine, { isMoving: ownPlaces.apart() === null, answering, isMute: true })
  }

  /** The places where engines answer. */
  #placesOf(engines: readonly Engine[]): ReadonlySet<string> {
    return new Set(engines.filter((each) => isProbed(each) && this.#isAnswering(each)).map(placeOf))
  }

  /** Whether the engine answers, and has done so since our networks last changed. */
  #isAnswering({ id }: Engine): boolean {
    const { facts, clock, ownPlaces } = this.deps
    const { verdict, lastOkMs } = facts.health(id, clock.now())
    return verdict === 'healthy' && (lastOkMs ?? 0) >= ownPlaces.changedMs()
  }

  #why(engine: Engine, { isMoving, answering, isMute }: Known): OutOfReach | null {
    const { ownPlaces, isHostReached, addresses, facts, told } = this.deps
    if (ownPlaces.isApart(engine) && isMute) {
      // Where there may be a way, or another engine of the same place has answered, the engine itself is the likely cause.
      const isNoWay = !isHostReached && !answering.has(placeOf(engine))
      if (isMoving || isNoWay) return { of: 'us', isMoving }
    }
    const way = addresses.wayTo(engine)
    // Where new engines have no name of use either, there is nothing to move to: what proxies are told is told to users.
    const isNameless = way === 'container' && namedNetworks(engine.networks).length === 0
    if (isNameless && ownPlaces.areNewNamed()) return { of: 'names', isMoving: true }
    const isPublished = engine.vpnNode === null && way === 'published'
    if (isPublished && isUntold(facts.publishedOn(engine), told.kind))
      return { of: 'proxies', isMoving: true }
    return null
  }

  #isMute(engine: Engine): boolean {
    const { facts, clock, ownPlaces } = this.deps
    const { lastProbeMs, lastOkMs } = facts.health(engine.id, clock.now())
    return isMuteSince(
      {
        isBooting: engine.status === 'starting',
        probedSinceMs: facts.probedSinceMs(engine.id, generationOf(engine)),
        lastProbeMs,
        lastOkMs,
      },
      { fromMs: ownPlaces.changedMs(), nowMs: clock.now() },
    )
  }
}
