import type { Clock } from '../../src/lib/clock.ts'
import { type Coverage, tally } from './coverage.ts'
import type { Answer, Http } from './http.ts'
import type { Random } from './random.ts'

const ORDINARY = ['engines', 'all engines', 'streams', 'streams of each', 'panel'] as const

/** What somebody looks at: one list, or all that a panel shows, or what a proxy asks before it chooses an engine. */
export const SIGHTS = [...ORDINARY, 'as a proxy'] as const

type Sight = (typeof SIGHTS)[number]

/** One look after the other for some time. */
export interface Look {
  readonly sight: Sight
  readonly everyMs: number
  readonly untilMs: number
  readonly userAgent: string
}

const USER_AGENTS = ['Mozilla/5.0', 'curl/8.14.1', 'Prometheus/3.1.0', 'python-requests/2.32.3'] as const
/** Chance that a looker imitates a proxy. */
const AS_A_PROXY = 0.1
/** The times between two looks, from a script in a hurry to a monitor. */
const EVERY_MS = [100, 100, 250, 1_000, 5_000] as const

/** People, panels and monitors that only read. Nothing depends on them. */
export class Lookers {
  #isOver = false

  constructor(
    private readonly deps: { readonly clock: Clock; readonly http: Http; readonly coverage: Coverage },
  ) {}

  /** Makes lookers come, every `meanMs` on average, until they are stopped. */
  come(random: Random, meanMs: number, onFailure: (error: unknown) => void): void {
    const { clock } = this.deps
    clock.after(random.exponential(meanMs), () => {
      if (this.#isOver) return
      this.come(random, meanMs, onFailure)
      const sight = random.chance(AS_A_PROXY) ? 'as a proxy' : random.pick(ORDINARY)
      const everyMs = random.pick(EVERY_MS)
      const untilMs = clock.now() + random.int(1_000, Math.min(60_000, 80 * everyMs))
      this.look({ sight, everyMs, untilMs, userAgent: random.pick(USER_AGENTS) }).catch(onFailure)
    })
  }

  stop(): void {
    this.#isOver = true
  }

  /** Looks again and again until the time is over. */
  async look({ sight, everyMs, untilMs, userAgent }: Look): Promise<void> {
    const { clock, coverage } = this.deps
    tally(coverage, `looker: ${sight}`)
    while (!this.#isOver && clock.now() < untilMs) {
      await this.#once(sight, userAgent)
      await clock.sleep(everyMs)
    }
  }

  async #once(sight: Sight, userAgent: string): Promise<void> {
    const get = (path: string): Promise<Answer | null> =>
      this.deps.http.ask({ method: 'GET', path, userAgent })
    switch (sight) {
      case 'engines':
        await get('/engines')
        return
      case 'all engines':
        await get('/engines?status=all')
        return
      case 'streams':
        await get('/streams?status=started')
        return
      case 'streams of each':
        for (const id of namesOf(await get('/engines?status=all'))) await get(`/streams?container_id=${id}`)
        return
      case 'panel':
        await Promise.all(['/engines?status=all', '/streams', '/orchestrator/status'].map(get))
        return
      case 'as a proxy':
        for (const id of namesOf(await get('/engines')))
          await get(`/streams?container_id=${id}&status=started`)
    }
  }
}

function namesOf(answer: Answer | null): readonly string[] {
  if (answer?.status !== 200) return []
  const rows = answer.body as readonly { readonly container_id: string | null }[]
  return rows.flatMap(({ container_id: id }) => id ?? [])
}
