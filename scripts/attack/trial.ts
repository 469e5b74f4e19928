import { join } from 'node:path'
import { until } from '../../tests/support/docker.ts'
import { type Spread, spread } from '../bench/statistics.ts'
import { startChild } from './child.ts'
import type { Lane, Readings } from './reader.ts'
import { type Engine, listedEngines, type Site } from './site.ts'
import type { Attacked, Target } from './target.ts'
import { SiteWatch, type Watched } from './watch.ts'

/** So nice to all others that the attackers take no processor from what they attack: they would be on other machines. */
const ATTACKER_NICE = 10
/** How long an attack may take to end beyond its time. */
const LATE_MS = 60_000
/** Within it the fleet is asked for after an attack, and the viewers have more bytes. */
const AFTER_MS = 5_000

/** What was asked on connections of one kind. */
export interface Asked {
  /** Of the questions that had an answer; null where none had. */
  readonly ms: Spread | null
  /** The longest time without an answer. */
  readonly longestGapMs: number
  /** Connections that were closed under it. */
  readonly reopened: number
  /** Why questions had no answer in the end, each as often as it was so. */
  readonly failures: readonly string[]
}

/** All that was seen of one attack. */
export interface Trial extends Watched {
  readonly name: string
  readonly kept: Asked
  readonly fresh: Asked
  readonly bare: Asked
  readonly notes: readonly string[]
  readonly complaints: readonly string[]
  /** The file and its log, at the end. */
  readonly databaseBytes: number
  /** Why the process does not run any more, or null. */
  readonly death: string | null
  /** Containers of the first engines that are not listed as healthy at the end. */
  readonly lostEngines: readonly string[]
  /** Streams that do not move on, or are not in the books any more. */
  readonly cutStreams: readonly string[]
}

/** Lets one attack happen to a site and looks at what becomes of it. */
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

/** Where nobody answers, all of them. */
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

/** Of what was asked, or not answered yet, while the attack went on. */
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
