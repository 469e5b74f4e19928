import { describe, expect, test } from 'bun:test'
import {
  isEnded,
  isStarted,
  recordedSessions,
  type Session,
  VERSIONS,
  type Version,
} from '../support/acexy-recorded.ts'
import { Replay } from '../support/acexy-replay.ts'

const TIMEOUT_MS = 60_000

/** In this scenario acexy's base address ends in a slash, so all its paths begin with two. */
const SLASH_SCENARIO = '18_no_key_base_slash'

describe('every recorded request is answered as acexy needs it, and the books are right after each', () => {
  test.each(VERSIONS)(
    'acexy %s',
    async (version) => {
      const sessions = await recordedSessions(version)
      expect(await wrongIn(sessions.filter(({ scenario }) => scenario !== SLASH_SCENARIO))).toEqual([])
    },
    TIMEOUT_MS,
  )

  test('any acexy whose address of the orchestrator ends in a slash', async () => {
    const sessions = (await Promise.all(VERSIONS.map(recordedSessions))).flat()
    const withSlash = sessions.filter(({ scenario }) => scenario === SLASH_SCENARIO)
    expect(withSlash).toHaveLength(VERSIONS.length)
    expect(await wrongIn(withSlash)).toEqual([])
  })
})

/** The first error in each session. */
async function wrongIn(sessions: readonly Session[]): Promise<string[]> {
  const wrong: string[] = []
  for (const session of sessions) {
    await Replay.run(session).catch((error: Error) => wrong.push(error.message))
  }
  return wrong
}

/** The results of the streams of one scenario, by version. Versions A to F agree unless they are named. */
const OUTCOMES: readonly (readonly [scenario: string, outcomes: Partial<Record<Version, string[]>>])[] = [
  [
    '01_one_viewer',
    {
      A: ['ended handler_exit'],
      F: ['ended handler_exit'],
      G: [],
      H: ['started'],
      HEAD: ['ended client_disconnected'],
    },
  ],
  [
    '03a_same_id_two_engines',
    {
      A: ['ended handler_exit'],
      C: ['ended handler_exit'],
      H: ['started', 'started'],
      HEAD: ['ended client_disconnected', 'ended client_disconnected'],
    },
  ],
  ['10a_engine_hangs', { A: ['ended fetch_failed'], C: ['ended fetch_failed'], G: [], H: [], HEAD: [] }],
  [
    '10b_engine_down',
    {
      A: ['ended fetch_failed', 'ended fetch_failed'],
      C: ['ended fetch_failed', 'ended fetch_failed'],
      G: [],
      HEAD: [],
    },
  ],
  [
    '10e_playback_fails',
    { A: ['ended start_stream_failed', 'ended start_stream_failed'], HEAD: ['ended eof', 'ended eof'] },
  ],
  ['13a_sigkill', { A: ['started'], F: ['started'], G: [], H: ['started'], HEAD: ['started'] }],
]

describe('what a scenario leaves in the books', () => {
  const cases = OUTCOMES.flatMap(([scenario, outcomes]) =>
    VERSIONS.flatMap((version) => {
      const outcome = outcomes[version]
      return outcome === undefined ? [] : [[scenario, version, outcome] as const]
    }),
  )
  test.each(cases)('%s by acexy %s', async (scenario, version, outcome) => {
    const session = (await recordedSessions(version)).find((each) => each.scenario === scenario)
    expect(session && (await Replay.run(session))).toEqual(outcome)
  })
})

describe('the recordings', () => {
  // Version A sends nothing while nobody watches, so one scenario has no requests of it.
  test('have all scenarios of all versions, with the events that each version sends', async () => {
    const counts: Partial<Record<Version, readonly number[]>> = {}
    for (const version of VERSIONS) {
      const sessions = await recordedSessions(version)
      const bodies = sessions.flatMap(({ requests }) => requests.map(({ body }) => body))
      counts[version] = [sessions.length, bodies.filter(isStarted).length, bodies.filter(isEnded).length]
    }
    expect(counts).toEqual({
      A: [52, 76, 76],
      B: [53, 68, 68],
      C: [53, 62, 56],
      D: [53, 62, 56],
      E: [53, 62, 56],
      F: [53, 62, 56],
      G: [53, 0, 0],
      H: [53, 39, 0],
      HEAD: [53, 41, 39],
    })
  })
})
