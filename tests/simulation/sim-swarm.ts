import type { Label } from '../../src/core/engines/labels.ts'
import type { HostPort } from '../../src/core/types.ts'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import type { HostObservation } from '../../src/runtime/runtime.ts'
import { MemorySwarm } from '../support/memory-swarm.ts'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'
import type { Trace } from './trace.ts'

/** The hosts of a swarm. The first one runs the manager, and the orchestrator beside it. */
export interface SwarmScenario {
  readonly hosts: readonly string[]
  /** The host on which the proxies run. */
  readonly proxiesOn: string
  /** How long a task takes at most, from the order to its run. */
  readonly taskMaxMs: number
  /** How one of the hosts is missing when all other faults have stopped; null if none is. */
  readonly missesOne: 'lost' | 'drain' | null
}

/**
 * What becomes of the tasks of a lost host: nothing reaches them, they end with the host, or only the manager does not reach
 * the host, and they still answer.
 */
export type TasksOfLost = 'run on' | 'end' | 'answer'

/** How a host is missing. */
export interface HostTrouble {
  readonly sinceMs: number
  readonly kind: 'lost' | 'drain' | 'pause'
  /** Whether the tasks on the host are still reached. */
  readonly answers: boolean
}

/** How soon the manager takes a silent host for down. */
const NOTICE_MS = { min: 8_000, max: 15_000 } as const

/** The hosts of a swarm and what happens to them. They outlive every crash of the orchestrator. */
export class SimSwarm {
  readonly runtime: MemorySwarm
  readonly #random: Random
  /** The longest time that a task takes now. Before the first start of the orchestrator all tasks run at once. */
  taskMaxMs = 0
  readonly #troubles = new Map<string, HostTrouble>()
  /** When each host was last in each kind of trouble. */
  readonly #pasts = new Map<string, HostTrouble & { readonly untilMs: number }>()

  constructor(
    readonly scenario: SwarmScenario,
    private readonly deps: {
      readonly clock: SimClock
      readonly random: Random
      readonly trace: Trace
      readonly label: Label
      readonly image: string
    },
  ) {
    const { clock, random, label, image } = deps
    this.#random = random
    this.runtime = new MemorySwarm({
      ...{ clock, label, deadlinesMs: DEFAULT_DEADLINES_MS, images: [image], programOf: null },
      hosts: scenario.hosts.map((name, at) => ({
        ...{ id: `node-${name}`, name, address: addressOf(at), labels: {} },
        ...{ role: at === 0 ? 'manager' : 'worker', isOurs: at === 0 },
      })),
    })
    const pace = random.stream('pace')
    this.runtime.pace.taskMs = () => pace.int(Math.min(200, this.taskMaxMs), this.taskMaxMs)
    this.runtime.pace.replaceMs = () => pace.int(100, 6_000)
    this.runtime.pace.drainMs = () => pace.int(200, 3_000)
    this.runtime.pace.verdictMs = () => pace.int(300, 4_000)
  }

  get hosts(): readonly HostObservation[] {
    return this.runtime.hostsNow()
  }

  /** Hosts other than the manager's, which may be lost alone. */
  get workers(): readonly HostObservation[] {
    return this.hosts.filter(({ isOurs }) => !isOurs)
  }

  /** The host at an address; `localhost` is that of the proxies. */
  hostAt({ host: address }: HostPort): HostObservation | undefined {
    const name = address === 'localhost' || address === '127.0.0.1' ? this.scenario.proxiesOn : null
    return this.hosts.find((host) => host.address === address || host.name === name)
  }

  /** Since when and how a host is in trouble; null if all is well with it. */
  troubleOf(hostId: string | null): HostTrouble | null {
    return this.#troubles.get(hostId ?? '') ?? null
  }

  /** The trouble of this kind that a host is in, or was in less than `ms` ago; null if there is none. */
  recentTroubleOf(hostId: string | null, kind: HostTrouble['kind'], ms: number): HostTrouble | null {
    const present = this.troubleOf(hostId)
    if (present?.kind === kind) return present
    const past = this.#pasts.get(pastKey(hostId ?? '', kind))
    return past !== undefined && this.deps.clock.now() - past.untilMs <= ms ? past : null
  }

  /** Whether anything but the manager reaches a host. */
  isReached(hostId: string): boolean {
    return this.#troubles.get(hostId)?.answers ?? true
  }

  /** Loses a host. Its manager notices it some seconds later, unless the host is back by then. */
  lose(hostId: string, its: TasksOfLost): void {
    if (this.#troubles.has(hostId)) return
    const { clock } = this.deps
    const trouble: HostTrouble = { sinceMs: clock.now(), kind: 'lost', answers: its === 'answer' }
    this.#troubles.set(hostId, trouble)
    this.runtime.loseHost(hostId, { containers: its === 'end' ? 'end' : 'run on' })
    this.#noticeAfter(this.#random.int(NOTICE_MS.min, NOTICE_MS.max), hostId, trouble)
  }

  /** Takes one host away for good. */
  miss(how: 'lost' | 'drain'): void {
    const id = this.workers[0]?.id ?? ''
    this.deps.trace.note('swarm', `${id}: ${how} for good`)
    if (how === 'lost') this.lose(id, 'end')
    else this.setAvailability(id, how)
  }

  setAvailability(hostId: string, kind: 'drain' | 'pause'): void {
    if (this.#troubles.has(hostId)) return
    this.#troubles.set(hostId, { sinceMs: this.deps.clock.now(), kind, answers: true })
    this.runtime.setAvailability(hostId, kind)
  }

  /** Ends the trouble of a host. */
  repair(hostId: string): void {
    const trouble = this.#troubles.get(hostId)
    if (trouble === undefined) return
    this.#troubles.delete(hostId)
    this.#pasts.set(pastKey(hostId, trouble.kind), { ...trouble, untilMs: this.deps.clock.now() })
    this.deps.trace.note('swarm', `${hostId}: ${trouble.kind} no more`)
    if (trouble.kind === 'lost') this.runtime.returnHost(hostId)
    else this.runtime.setAvailability(hostId, 'active')
  }

  #noticeAfter(ms: number, hostId: string, trouble: HostTrouble): void {
    this.deps.clock.after(ms, () => {
      if (this.#troubles.get(hostId) !== trouble) return
      if (this.runtime.noticeLoss(hostId)) this.deps.trace.note('swarm', `${hostId} is down`)
      else this.#noticeAfter(1_000, hostId, trouble)
    })
  }
}

const pastKey = (hostId: string, kind: HostTrouble['kind']): string => `${kind} ${hostId}`

const addressOf = (at: number): string => `10.9.0.${at + 1}`
