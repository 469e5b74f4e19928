import { describe, expect, test } from 'bun:test'
import { ACEXY_AGENT } from './acexy.ts'
import { SIGHTS } from './lookers.ts'
import { settled } from './sim-clock.ts'
import { World } from './world.ts'

const FIRST_MS = 40_000
const LOOKING_MS = 60_000
/** How long an engine may still count as used after the last look, and how long the fleet needs to settle then. */
const AFTER_MS = 60_000

interface Fleet {
  readonly minFree: number
  readonly isUsed: boolean
  readonly autoDelete: boolean
}

/** What reads did to the fleet. */
interface Effect {
  /** The number of engines before the reads, and the greatest number since, without those that drain. */
  readonly before: number
  readonly most: number
  readonly starts: number
}

/** A world without viewers and faults, in which everything is read ten times a second by a program of this name. */
async function readBy(userAgent: string, fleet: Fleet): Promise<Effect> {
  const world = new World(1, null, (drawn) => ({ ...drawn, vpn: null }))
  const { books, clock, lookers, server } = world
  world.startServer({
    ...world.scenario.env,
    GLUETUN_CONTAINER_NAME: '',
    PORT_RANGE_HOST: '29000-29199',
    MIN_REPLICAS: '0',
    MIN_FREE_REPLICAS: String(fleet.minFree),
    MAX_REPLICAS: '8',
    AUTO_DELETE: String(fleet.autoDelete),
    ENGINE_GRACE_PERIOD_S: '5',
  })
  const inService = (): number => books.live().filter(({ status }) => status !== 'draining').length
  let most = 0
  const pass = async (ms: number): Promise<void> => {
    const untilMs = clock.now() + ms
    while (await clock.step(untilMs)) {
      world.host.look()
      most = Math.max(most, inService())
    }
  }
  await pass(FIRST_MS)
  if (fleet.isUsed) {
    await useEach(world, pass)
    await pass(FIRST_MS)
  }
  const before = inService()
  const lastId = books.lastJournalId()
  most = 0
  const untilMs = clock.now() + LOOKING_MS
  const looks = SIGHTS.map((sight) => lookers.look({ sight, everyMs: 100, untilMs, userAgent }))
  await settled()
  await pass(LOOKING_MS + AFTER_MS)
  await Promise.all(looks)
  const starts = books.journalAfter(lastId).filter(({ kind }) => kind === 'provision.started').length
  server.running?.life.die()
  expect(world.violations).toEqual([])
  return { before, most, starts }
}

/** Reports a stream on each engine, and its end, in one commit: no plan is made in between. */
async function useEach({ books, http }: World, pass: (ms: number) => Promise<void>): Promise<void> {
  const report = (event: string, body: object) => http.ask({ method: 'POST', path: `/events/${event}`, body })
  const answers = books.live().flatMap(({ name, host_http_port: port }) => {
    const url = `http://localhost:${port}/ace/stat/${name}/session`
    const body = {
      engine: { host: 'localhost', port },
      stream: { key_type: 'content_id', key: name },
      session: { playback_session_id: 'session', stat_url: url, command_url: url, is_live: 1 },
    }
    const end = { stream_id: `${name}|session`, reason: 'completed' }
    return [report('stream_started', body), report('stream_ended', end)]
  })
  await settled()
  await pass(0)
  for (const answer of answers) expect((await answer)?.status).toBe(200)
}

const FLEETS = [1, 2].flatMap((minFree) =>
  [false, true].flatMap((isUsed) => [false, true].map((autoDelete) => ({ minFree, isUsed, autoDelete }))),
)

describe('ten reads a second of everything, for a minute,', () => {
  test.each(FLEETS)('start nothing if the reader is no proxy: %o', async (fleet) => {
    const { before, most, starts } = await readBy('python-requests/2.32.3', fleet)
    expect({ before, most, starts }).toEqual({ before: fleet.minFree, most: fleet.minFree, starts: 0 })
  })

  test.each(FLEETS)(
    'start at most MIN_FREE_REPLICAS spares if the reader has the name of a proxy and sends nobody: %o',
    async (fleet) => {
      const { before, most, starts } = await readBy(ACEXY_AGENT, fleet)
      expect(before).toBe(fleet.minFree)
      expect(most).toBeLessThanOrEqual(before + fleet.minFree)
      // A spare that was removed because it was idle may be needed again.
      if (!fleet.autoDelete) expect(starts).toBeLessThanOrEqual(fleet.minFree)
    },
  )
})
