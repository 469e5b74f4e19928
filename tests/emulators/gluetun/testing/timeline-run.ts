import { FaultStore } from '../../engine/fault-store.ts'
import { FakeClock } from '../../engine/testing/fake-clock.ts'
import { type Faults, mergeFaults, NO_FAULTS } from '../faults.ts'
import { Gluetun } from '../gluetun.ts'
import { answer } from '../routes.ts'
import { readSettings } from '../settings.ts'
import type { Timeline, TimelineEvent } from './recordings.ts'

export type Channel = NonNullable<TimelineEvent['read']>

export const CHANNELS = ['vpn', 'publicip', 'portforward', 'health'] as const satisfies readonly Channel[]

/** A value and the time when it was first seen. */
export interface Sighting {
  readonly t_ms: number
  readonly body: string
}

const STEP_MS = 10
/** The last value of the recording may come a little later here. */
const AFTERWARDS_MS = 600
/** Recorded: the servers open 300 to 400 ms after the process started. */
const BOOT_MS = 300

/** A Gluetun without servers, with a clock of its own, that runs through a recorded timeline. */
export class TimelineRun {
  readonly clock = new FakeClock()
  readonly board = new FaultStore<Faults>(NO_FAULTS, mergeFaults)
  readonly gluetun: Gluetun
  readonly sightings: Record<Channel, Sighting[]> = { vpn: [], publicip: [], portforward: [], health: [] }
  /** The answers to the calls of the timeline, in the words of the recording. */
  readonly answers: string[] = []
  /** Whether the health server would have answered healthy, at each step. */
  readonly healthy: { readonly t_ms: number; readonly isHealthy: boolean }[] = []
  exitCode: number | null = null
  /** A call waits for the answer of the previous one, as in the recording. */
  #queue: Promise<void> = Promise.resolve()
  #isUp = true
  #zeroMs = 0

  constructor(
    readonly timeline: Timeline,
    env: Readonly<Record<string, string>>,
  ) {
    this.gluetun = new Gluetun(readSettings({ DIALECT: timeline.version, ...env }), {
      clock: this.clock,
      board: this.board,
      exit: (code) => {
        this.exitCode = code
        this.#isUp = false
      },
    })
  }

  /** The present time in milliseconds of the timeline. */
  get nowMs(): number {
    return this.clock.now() - this.#zeroMs
  }

  /** Moves the clock by `ms` in steps, so that waiting calls can continue. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.clock.advance(Math.min(STEP_MS, left))
      await settled()
    }
  }

  /** Calls the control server. Returns the body of the answer, or the recording's word for a missing answer. */
  async call(method: string, target: string, body = ''): Promise<string> {
    if (!this.#isUp) return 'connection refused'
    const headers = new Headers()
    const reply = await answer(this.gluetun, { method, target, headers, body: () => Promise.resolve(body) })
    return reply?.body ?? 'None'
  }

  /** Starts the boot of the process and the timeline. */
  boot(): void {
    this.#isUp = false
    this.#zeroMs = this.clock.now()
    this.clock.after(BOOT_MS, () => {
      this.#isUp = true
      this.gluetun.begin()
    })
  }

  /** Sets the present time of the timeline to `ms`. */
  setTime(ms: number): void {
    this.#zeroMs = this.clock.now() - ms
  }

  /** Carries out the timeline's actions at their times, and reads every `pollMs`, until a little after its end. */
  async live(pollMs: number): Promise<void> {
    const { events } = this.timeline
    const actions = events.filter(({ what }) => what !== undefined)
    const firstLookMs = events.find(({ read }) => read !== undefined)?.t_ms ?? 0
    const endMs = (events.at(-1)?.t_ms ?? 0) + AFTERWARDS_MS
    for (; this.nowMs <= endMs; await this.advance(STEP_MS)) {
      while ((actions[0]?.t_ms ?? Number.POSITIVE_INFINITY) <= this.nowMs)
        this.#act(actions.shift()?.what ?? '')
      this.healthy.push({ t_ms: this.nowMs, isHealthy: this.#isUp && this.gluetun.healthError === null })
      // Reads halfway between the actions, so that a state which lasts as long as a polling interval is certainly seen.
      if (this.nowMs >= firstLookMs && (this.nowMs + pollMs / 2) % pollMs === 0) await this.#look()
    }
  }

  #act(what: string): void {
    const [, target, body] = /^PUT (\S+) (.*) sent$/.exec(what) ?? []
    if (target !== undefined) this.#queue = this.#queue.then(() => this.#put(target, body))
    if (what === 'VPN server stopped') this.board.set({ tunnel_cut: true })
    if (what === 'VPN server up' || what === 'VPN server up again') this.board.set({ tunnel_cut: false })
  }

  async #put(target: string, body = ''): Promise<void> {
    this.answers.push((await this.call('PUT', target, body)).trim())
  }

  async #look(): Promise<void> {
    const { hasPortforward } = this.gluetun.settings.dialect
    const bodies: Readonly<Record<Channel, string>> = {
      vpn: await this.call('GET', '/v1/vpn/status'),
      publicip: await this.call('GET', '/v1/publicip/ip'),
      portforward: await this.call('GET', hasPortforward ? '/v1/portforward' : '/v1/openvpn/portforwarded'),
      health: this.#isUp ? (this.gluetun.healthError ?? '') : 'connection refused',
    }
    for (const channel of CHANNELS) {
      const seen = this.sightings[channel]
      const body = bodies[channel].trimEnd()
      if (seen.at(-1)?.body !== body) seen.push({ t_ms: this.nowMs, body })
    }
  }
}

/** Lets all promises that can continue do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
