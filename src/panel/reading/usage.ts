import { usageRoundMs } from '../../core/engines/usage.ts'
import type { EngineUse } from '../api/types.ts'
import { count, MISSING, msOf } from './words.ts'

/** What an engine uses now; null for what is not known. */
export interface Use {
  /** 1 is a whole core. */
  readonly cores: number | null
  readonly bytes: number | null
}

const UNKNOWN: Use = { cores: null, bytes: null }

/** Figures that are older say nothing about now. */
const FRESH_MS = 30_000

/** The figures of each container, those that are not too old. Of many engines the server collects less often. */
export function freshUse(uses: readonly EngineUse[], nowMs: number): ReadonlyMap<string, Use> {
  const freshMs = Math.max(FRESH_MS, 1.5 * usageRoundMs(uses.length, true))
  return new Map(
    uses.flatMap(({ container_id, collected_at, cpu, memory }) => {
      const atMs = msOf(collected_at)
      if (container_id === null || atMs === null || nowMs - atMs > freshMs) return []
      return [[container_id, { cores: cpu?.cores ?? null, bytes: memory?.bytes ?? null }] as const]
    }),
  )
}

export const useOf = (uses: ReadonlyMap<string, Use>, container: string | null): Use =>
  uses.get(container ?? '') ?? UNKNOWN

export const percentWords = (percent: number | null): string =>
  percent === null ? MISSING : `${short(percent)} %`
export const mibWords = (mib: number | null): string => (mib === null ? MISSING : `${short(mib)} MiB`)

/** 100 % is one core. */
const percentOf = (cores: number | null): number | null => cores && cores * 100
const mibOf = (bytes: number | null): number | null => bytes && bytes / 1_048_576

export const cpuWords = (cores: number | null): string => percentWords(percentOf(cores))
export const memoryWords = (bytes: number | null): string => mibWords(mibOf(bytes))

/** Small numbers with one decimal, so that they differ. */
const short = (value: number): string => (value < 10 ? value.toFixed(1) : String(Math.round(value)))

/** What a chart shows at one time. */
export interface UsePoint {
  readonly atMs: number
  readonly percent: number | null
  readonly mib: number | null
}

/** The points of a chart, oldest first. */
export const usePoints = (uses: readonly EngineUse[]): readonly UsePoint[] =>
  uses.flatMap(({ collected_at, cpu, memory }) => {
    const atMs = msOf(collected_at)
    if (atMs === null) return []
    return [{ atMs, percent: percentOf(cpu?.cores ?? null), mib: mibOf(memory?.bytes ?? null) }]
  })

/** The limits of an engine in words; null if it has none, or they are not known. */
export function limitWords({ cpu, memory }: Pick<EngineUse, 'cpu' | 'memory'>): string | null {
  const limits = [
    ...(cpu?.limit_cores == null ? [] : [count(cpu.limit_cores, 'core')]),
    ...(memory?.limit_bytes == null ? [] : [memoryWords(memory.limit_bytes)]),
  ]
  return limits.length === 0 ? null : `It may use ${limits.join(' and ')}.`
}
