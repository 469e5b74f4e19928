/** One attempt to play a content on an engine. Times are epoch milliseconds. */
export interface Attempt {
  /** The number of the stream's record. */
  readonly record: number
  readonly content: string
  readonly outcome: 'played' | 'nothing'
  readonly fromMs: number
  /** When the stream last moved, or when it ended without a byte. */
  readonly atMs: number
}

/** The attempts on one engine. An engine that has ended is compared with, and not judged. */
export interface EngineAttempts {
  readonly engineId: string
  /** The VPN node of the engine; null without one. Engines of different nodes are not compared: the node may be the cause. */
  readonly node: string | null
  /** Since when the engine's process runs, or infinity if the engine has ended. */
  readonly startedMs: number
  readonly attempts: readonly Attempt[]
}

/**
 * `plays_nothing`: the engine plays nothing for anybody, though others do. `doubtful`: it played nothing several times in a
 * row, and too little was tried on others to tell whose fault that is.
 */
export type PlaybackVerdict = 'plays_nothing' | 'doubtful'

/** Older attempts say nothing about an engine, since contents come and go. */
export const ATTEMPTS_MAX_AGE_MS = 1_800_000

/** How many attempts are kept of each engine, the newest ones. */
export const ATTEMPTS_MAX = 64

/** With fewer fruitless attempts no engine is judged: two dead contents in a row are common. */
const FRUITLESS_MIN = 3

/** With fewer there is no run. */
const RUN_MIN = 2

/** A good engine plays nothing at least this often, whatever the others say, because many contents are dead. */
const FRUITLESS_SHARE_MIN = 1 / 10

/** An engine is judged if a good one would play nothing so often in a row with this chance at most. */
const CHANCE_MAX = 1 / 500

/**
 * The verdicts on all live engines that have one. Pure.
 *
 * An engine is judged by its *run*: its fruitless attempts since it last played anything. The run is compared with what came
 * of attempts on the other engines since the run began, and the verdict is `plays_nothing` if chance would hardly explain
 * the difference:
 *
 * - A content that played nothing on another engine, too, is dead, and counts for nobody.
 * - A content that plays elsewhere counts with 1/10 for each try, but twice only if it played elsewhere in between: a viewer
 *   who tries again at once has tried once.
 * - Any other content counts once, with the share of fruitless contents on the others (at least 1/10). So many fruitless
 *   contents all over the fleet, as of somebody who tries a list of dead ones, speak against no engine.
 * - At least as many streams must have played on others as such contents came to nothing here. Otherwise the attempts on
 *   this engine are not like those on the others: it may be the only free one.
 */
export function playbackVerdicts(
  engines: readonly EngineAttempts[],
  nowMs: number,
): ReadonlyMap<string, PlaybackVerdict> {
  const verdicts = new Map<string, PlaybackVerdict>()
  for (const [, compared] of Map.groupBy(engines, ({ node }) => node)) {
    const all = compared.flatMap(({ engineId, attempts }) =>
      attempts.filter((each) => isRecent(each, nowMs)).map((attempt) => ({ ...attempt, engineId })),
    )
    const byContent = Map.groupBy(all, ({ content }) => content)
    for (const engine of compared) {
      const run = runOf(engine, nowMs)
      const isAlone = !compared.some((each) => each !== engine && isLive(each))
      if (run.length < RUN_MIN || isAlone) continue
      const verdict = verdictOf(run, othersOf(engine.engineId, all, byContent))
      if (verdict !== null) verdicts.set(engine.engineId, verdict)
    }
  }
  return verdicts
}

/** The attempts on all engines but one of a node. Everything is computed when it is asked for, as most engines are well. */
interface Others {
  since(fromMs: number): readonly Attempt[]
  /** The attempts with this content. */
  of(content: string): readonly Attempt[]
}

interface AttemptOn extends Attempt {
  readonly engineId: string
}

function othersOf(
  engineId: string,
  all: readonly AttemptOn[],
  byContent: ReadonlyMap<string, readonly AttemptOn[]>,
): Others {
  return {
    since: (fromMs) => all.filter((each) => each.fromMs >= fromMs && each.engineId !== engineId),
    of: (content) => byContent.get(content)?.filter((each) => each.engineId !== engineId) ?? [],
  }
}

/** The fruitless attempts since the engine last played, and since its process started; oldest first. */
function runOf({ attempts, startedMs }: EngineAttempts, nowMs: number): readonly Attempt[] {
  const playedMs = attempts.reduce(
    (last, { outcome, atMs }) => (outcome === 'played' ? Math.max(last, atMs) : last),
    Number.NEGATIVE_INFINITY,
  )
  return attempts
    .filter(({ outcome, fromMs, atMs }) => outcome === 'nothing' && atMs > playedMs && fromMs >= startedMs)
    .filter((attempt) => isRecent(attempt, nowMs))
    .toSorted((a, b) => a.atMs - b.atMs)
}

function verdictOf(run: readonly Attempt[], others: Others): PlaybackVerdict | null {
  const meanwhile = others.since(Math.min(...run.map(({ fromMs }) => fromMs)))
  const contents = [...Map.groupBy(run, ({ content }) => content).values()].map((tries) =>
    triedHere(tries, others),
  )
  if (isBeyondChance(contents, meanwhile)) return 'plays_nothing'
  const isUncompared = meanwhile.length < run.length || contents.some(isTriedOnlyHere)
  return isUncompared ? 'doubtful' : null
}

/** A content of a run: the tries on this engine, and what came of it on others, ever and since the first of these tries. */
interface TriedHere {
  readonly tries: readonly Attempt[]
  readonly elsewhere: readonly Attempt[]
  readonly since: readonly Attempt[]
}

function triedHere(tries: readonly Attempt[], others: Others): TriedHere {
  const firstMs = Math.min(...tries.map(({ fromMs }) => fromMs))
  const elsewhere = others.of(tries[0]?.content ?? '')
  return { tries, elsewhere, since: elsewhere.filter(({ atMs }) => atMs >= firstMs) }
}

/** Whether a content was tried twice here and nowhere else since. */
const isTriedOnlyHere = ({ tries, since }: TriedHere): boolean => tries.length > 1 && since.length === 0

function isBeyondChance(contents: readonly TriedHere[], meanwhile: readonly Attempt[]): boolean {
  let alive = 0
  let unknown = 0
  for (const { tries, elsewhere, since } of contents) {
    if (elsewhere.some(isFruitless)) continue
    if (since.length === 0) unknown++
    else alive += triesBetween(tries, since)
  }
  if (alive + unknown < FRUITLESS_MIN) return false
  const played = meanwhile.filter((each) => !isFruitless(each)).length
  if (played < unknown) return false
  return FRUITLESS_SHARE_MIN ** alive * fruitlessShare(meanwhile) ** unknown <= CHANCE_MAX
}

/** How many of these tries count: the first, and each one before which the content has played elsewhere again. */
function triesBetween(tries: readonly Attempt[], elsewhere: readonly Attempt[]): number {
  let count = 0
  let countedMs = Number.NEGATIVE_INFINITY
  for (const { atMs } of tries) {
    const hasPlayed = elsewhere.some((play) => play.atMs > countedMs && play.fromMs < atMs)
    if (count > 0 && !hasPlayed) continue
    count++
    countedMs = atMs
  }
  return count
}

/** The share of contents that come to nothing on these engines, with one more of each kind for the unknown. */
function fruitlessShare(attempts: readonly Attempt[]): number {
  const fruitless = contentsOf(attempts, 'nothing').size
  const played = contentsOf(attempts, 'played').size
  return Math.max(FRUITLESS_SHARE_MIN, (fruitless + 1) / (fruitless + played + 2))
}

const contentsOf = (attempts: readonly Attempt[], outcome: Attempt['outcome']): ReadonlySet<string> =>
  new Set(attempts.flatMap((each) => (each.outcome === outcome ? [each.content] : [])))

const isFruitless = ({ outcome }: Attempt): boolean => outcome === 'nothing'

const isRecent = ({ atMs }: Attempt, nowMs: number): boolean => nowMs - atMs < ATTEMPTS_MAX_AGE_MS

const isLive = ({ startedMs }: EngineAttempts): boolean => startedMs !== Number.POSITIVE_INFINITY
