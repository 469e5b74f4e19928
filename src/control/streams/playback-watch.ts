import { type EngineAttempts, playbackVerdicts } from '../../core/engines/playback-faults.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import { outcomeOf } from '../../core/streams/outcomes.ts'
import { type Engine, generationOf, type Stream } from '../../core/types.ts'
import { strandedSinceMs } from '../../core/vpn/tunnel.ts'
import type { Clock } from '../../lib/clock.ts'
import { Throttle } from '../../lib/throttle.ts'
import { engineById } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import { streamByRow } from '../../store/streams.ts'
import type { FleetRows } from '../engines/fleet-rows.ts'
import type { ConnectionFacts } from '../facts/connection-facts.ts'
import type { PlaybackFacts, Standing } from '../facts/playback-facts.ts'
import type { SessionFacts } from '../facts/session-facts.ts'
import type { Warnings } from '../reporting/warnings.ts'

type Verdicts = ReadonlyMap<string, Omit<Standing, 'sinceMs'>>

/** How long an engine may say that it is not connected, while others are, before that counts as playing nothing. */
const CUT_OFF_MS = 60_000

/** The most characters of a key that tell contents apart. A content id has 40. */
const KEY_MAX = 100

/** A judgement compares all attempts with all others, which costs as much as writing the event that it follows. */
const JUDGED_AT_ONCE = 2

const REASONS = {
  plays_nothing: 'it plays nothing, though others do',
  doubtful: 'it played nothing several times in a row, and others were not tried since',
  cut_off: 'it says that it is not connected, though others are',
} as const

/**
 * Notes what came of streams, and judges which engines play nothing although they answer. Only engines that can be compared
 * with others are judged. The plan and the lists follow from the verdicts.
 */
export class PlaybackWatch {
  readonly #throttle = new Throttle(JUDGED_AT_ONCE)

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly rows: FleetRows
      readonly clock: Clock
      readonly sessions: Pick<SessionFacts, 'of'>
      readonly connections: Pick<ConnectionFacts, 'of'>
      readonly playback: PlaybackFacts
      readonly warnings: Pick<Warnings, 'tell'>
    },
  ) {}

  /** Notes a start that failed. Call this after the transaction that recorded it. */
  failed(stream: Stream): void {
    this.#note(stream, 'nothing', stream.startedAt)
  }

  /** Notes the end of a stream for the reason that a proxy gave. Call this after the transaction that recorded it. */
  ended(stream: Stream, reason: string): void {
    const { clock, sessions } = this.deps
    const nowMs = clock.now()
    const lastedMs = nowMs - stream.startedAt
    const outcome = outcomeOf({ reason, lastedMs, session: sessions.of(stream.rowId) })
    if (outcome !== null) this.#note(stream, outcome, nowMs)
  }

  /** Notes that the session of a stream has moved bytes. */
  moved(engineId: string, streamRowId: number, atMs: number): void {
    const { store, playback } = this.deps
    if (playback.movedAgain(engineId, streamRowId, atMs)) return
    const stream = streamByRow(store.db, streamRowId)
    if (stream?.status === 'started' && stream.engineId === engineId) this.#note(stream, 'played', atMs)
  }

  /** Judges all engines. Time changes verdicts, too, so call this regularly. */
  judge(): void {
    const { rows, clock, playback, warnings } = this.deps
    const nowMs = clock.now()
    const { engines } = rows.read()
    playback.forgetOld(nowMs)
    playback.setStandings(new Map([...this.#byAttempts(engines), ...this.#byConnection(engines)]), nowMs)
    const sick = engines.filter((engine) => playback.playsNothing(engine.id, generationOf(engine)) !== null)
    warnings.tell('engine_plays_nothing', sick.length === 0 ? null : warningOf(sick))
  }

  #note({ rowId, engineId, keyType, key, startedAt }: Stream, outcome: 'played' | 'nothing', atMs: number) {
    const { store, clock, playback } = this.deps
    const engine = engineId === null ? undefined : engineById(store.db, engineId)
    if (engine === undefined) return
    const content = `${keyType}:${key.slice(0, KEY_MAX)}`
    playback.note(engine.id, engine.vpnNode, { record: rowId, content, outcome, fromMs: startedAt, atMs })
    // In a burst of events the next regular look judges.
    if (this.#throttle.waitMs(clock.now()) === 0) this.judge()
  }

  #byAttempts(engines: readonly Engine[]): Verdicts {
    const { playback, clock } = this.deps
    const nowMs = clock.now()
    const known = playback.engines()
    const live = engines.map(
      (engine): EngineAttempts => ({
        engineId: engine.id,
        node: engine.vpnNode,
        startedMs: startOf(engine, nowMs),
        attempts: known.get(engine.id)?.attempts ?? [],
      }),
    )
    const ids = new Set(engines.map(({ id }) => id))
    const ended = [...known]
      .filter(([id]) => !ids.has(id))
      .map(([engineId, each]) => ({ engineId, ...each, startedMs: Number.POSITIVE_INFINITY }))
    const verdicts = playbackVerdicts([...live, ...ended], nowMs)
    return verdictsOn(engines, ({ id }) => {
      const verdict = verdicts.get(id)
      return verdict === undefined ? null : { verdict, reason: REASONS[verdict] }
    })
  }

  /** Without a VPN nothing else is done about an engine that has lost its connection while others have theirs. */
  #byConnection(engines: readonly Engine[]): Verdicts {
    const { connections, clock } = this.deps
    const known = engines.flatMap((engine) => {
      const connection = engine.vpnNode === null ? connections.of(engine.id, generationOf(engine)) : null
      return connection === null ? [] : [{ engine, connection }]
    })
    return verdictsOn(engines, (engine) => {
      const own = known.find((each) => each.engine === engine)?.connection ?? null
      const others = known.flatMap((each) => (each.engine === engine ? [] : each.connection))
      const sinceMs = strandedSinceMs(own, others, 0)
      const isLong = sinceMs !== null && clock.now() - sinceMs >= CUT_OFF_MS
      return isLong ? { verdict: 'plays_nothing', reason: REASONS.cut_off } : null
    })
  }
}

function verdictsOn(
  engines: readonly Engine[],
  judged: (engine: Engine) => Pick<Standing, 'verdict' | 'reason'> | null,
): Verdicts {
  return new Map(
    engines.flatMap((engine) => {
      const found = judged(engine)
      return found === null ? [] : [[engine.id, { ...found, generation: generationOf(engine) }] as const]
    }),
  )
}

/** Since when the engine's process runs. Docker uses its own clock, which may be ahead of ours. */
const startOf = ({ containerStartedAt }: Engine, nowMs: number): number =>
  containerStartedAt === null || containerStartedAt > nowMs ? 0 : containerStartedAt

function warningOf(engines: readonly Engine[]): Warning {
  const names = engines.map(({ name }) => name).join(', ')
  return {
    message: `these engines answer and play nothing for anybody, though others do: ${names}`,
    remedy:
      'Each is listed last and replaced when nobody uses it. If that happens again, look at its log and its network.',
  }
}
