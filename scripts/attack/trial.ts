import { join } from 'node:path'
import { until } from '../../tests/support/docker.ts'
import { type Spread, spread } from '../bench/statistics.ts'
import { startChild } from './child.ts'
import type { Lane, Readings } from './reader.ts'
import { type Engine, listedEngines, type Site } from './site.ts'
import type { Attacked, Target } from './target.ts'
import { SiteWatch, type Watched } from './watch.ts'

/**
 * The low priority of attackers, so that they take no processor time from the orchestrator: real attackers would be on other
 * machines.
 */
const ATTACKER_NICE = 10
/** How much longer than its duration an attack may take to end. */
const LATE_MS = 60_000
/** How long the fleet and the bytes of the viewers may take to show after an attack. */
const AFTER_MS = 5_000

/** The results of the questions on connections of one kind. */
export interface Asked {
  /** The times of the answered questions; null if none was answered. */
  readonly ms: Spread | null
  /** The longest time without an answer. */
  readonly longestGapMs: number
  /** How many connections were closed while in use. */
  readonly reopened: number
  /** Why questions got no answer in the end, one entry for each question. */
  readonly failures: readonly string[]
}

/** Everything that was observed during one attack. */
export interface Trial extends Watched {
  readonly name: string
  readonly kept: Asked
  readonly fresh: Asked
  readonly bare: Asked
  readonly notes: readonly string[]
  readonly complaints: readonly string[]
  /** The size of the database file and its log at the end. */
  readonly databaseBytes: number
  /** Why the process does not run any more; null while it runs. */
  readonly death: string | null
  /** Containers of the first engines that are not listed as healthy at the end. */
  readonly lostEngines: readonly string[]
  /** Streams that do not move on, or are not in the books any more. */
  readonly cutStreams: readonly string[]
}

/** Runs one attack on a site and observes the site. */
export async function trialOf(site: Site, { name, seconds, bareUrl, signal }: TrialOptions): Promise<Trial> {
  const target: Target = { ...site.target, seconds }
  const within = AbortSignal.any([signal, AbortSignal.timeout(target.seconds * 1_000 + LATE_MS)])
  const reader = startChild(['reader.ts', site.target.near, bareUrl, site.engineIds.join()], { signal })
  const watch = new SiteWatch(site)
  const attacker = startChild(['attacker.ts', name, JSON.stringify(target)], {
    signal: within,
    nice: ATTACKER_NICE,
  })
  const { notes, complaints, ...span } = await attacker.result<Attacked>()
  const lostEngines = await lostOf(site)
  const cutStreams = await cutOf(site)
  reader.release()
  const readings = await reader.result<Readings>()
  return {
    ...(await watch.end()),
    ...{ name, notes, complaints, lostEngines, cutStreams },
    ...askedWithin(readings, span),
    databaseBytes: databaseBytes(site),
    death: await site.container.death(),
  }
}

interface TrialOptions {
  readonly name: string
  readonly seconds: number
  readonly bareUrl: string
  readonly signal: AbortSignal
}

/** Finds the engines that are not listed as healthy. If there is no answer, these are all of them. */
async function lostOf({ target, engineIds }: Site): Promise<readonly string[]> {
  const told = () => listedEngines(target.near).catch(() => null)
  const engines = await until('the engines are told', told, AFTER_MS).catch((): readonly Engine[] => [])
  const well = engines.filter(({ health_status }) => health_status === 'healthy')
  return engineIds.filter((id) => !well.some(({ container_id }) => container_id === id))
}

async function cutOf({ target, watchers }: Site): Promise<readonly string[]> {
  const before = watchers.map((watcher) => watcher.bytes())
  const moveOn = () => watchers.every((watcher, at) => watcher.bytes() > (before[at] ?? 0))
  await until('all viewers have more bytes', moveOn, AFTER_MS).catch(() => undefined)
  const started = await startedStreams(target.near).catch((): readonly string[] => [])
  return watchers
    .filter((watcher, at) => {
      const moves = watcher.bytes() > (before[at] ?? 0) && !watcher.hasEnded()
      return !moves || !started.includes(watcher.streamId)
    })
    .map(({ streamId }) => streamId)
}

function databaseBytes({ folder }: Site): number {
  const files = ['orchestrator.db', 'orchestrator.db-wal'].map((name) => Bun.file(join(folder, name)))
  return files.reduce((sum, { size }) => sum + size, 0)
}

async function startedStreams(near: string): Promise<readonly string[]> {
  const answer = await fetch(`${near}/streams?status=started`, { signal: AbortSignal.timeout(AFTER_MS) })
  const streams = (await answer.json()) as readonly { readonly id: string }[]
  return streams.map(({ id }) => id)
}

type Span = Pick<Attacked, 'fromMs' | 'untilMs'>

const askedWithin = (
  { kept, fresh, bare }: Readings,
  span: Span,
): Pick<Trial, 'kept' | 'fresh' | 'bare'> => ({
  kept: askedOn(kept, span),
  fresh: askedOn(fresh, span),
  bare: askedOn(bare, span),
})

/** Sums up the questions that were asked, or still waited for their answer, during the attack. */
function askedOn({ readings, reopenedMs, failures }: Lane, { fromMs, untilMs }: Span): Asked {
  const within = readings.filter(([atMs, tookMs]) => atMs + tookMs >= fromMs && atMs <= untilMs)
  const isMeanwhile = (atMs: number): boolean => atMs >= fromMs && atMs <= untilMs
  return {
    ms: within.length === 0 ? null : spread(within.map(([, tookMs]) => tookMs)),
    longestGapMs: longestGap([fromMs, ...within.map(([atMs, tookMs]) => atMs + tookMs), untilMs]),
    reopened: reopenedMs.filter(isMeanwhile).length,
    failures: failures.filter(({ atMs }) => isMeanwhile(atMs)).map(({ why }) => why),
  }
}

const longestGap = (timesMs: readonly number[]): number =>
  Math.max(...timesMs.map((ms, at) => ms - (timesMs[at - 1] ?? ms)))
