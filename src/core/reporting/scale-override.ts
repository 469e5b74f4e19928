import type { Warning } from './warnings.ts'

/** An order of an operator (`POST /scale/{n}`) that stands in the place of `MIN_REPLICAS`. */
export interface ScaleOverride {
  /** The number of engines that was ordered, at most `MAX_REPLICAS`. */
  readonly replicas: number
  /** The setting. */
  readonly minReplicas: number
  readonly atMs: number
}

/** The setting and the order in words, as `MIN_REPLICAS=2, overridden by /scale/0 on 2026-11-29 04:36 UTC`. */
export function overrideInWords({ replicas, minReplicas, atMs }: ScaleOverride): string {
  const [day, time = ''] = new Date(atMs).toISOString().split('T')
  return `MIN_REPLICAS=${minReplicas}, overridden by /scale/${replicas} on ${day} ${time.slice(0, 5)} UTC`
}

/** Warns of an order that overrides the setting, also after restarts; null without one. */
export const overrideWarning = (override: ScaleOverride | null): Warning | null =>
  override && {
    message: `${overrideInWords(override)}: ${keptInWords(override.replicas)}, also after restarts`,
    remedy: `undo the order (DELETE /scale), or set MIN_REPLICAS=${override.replicas} if it is to stay`,
  }

function keptInWords(replicas: number): string {
  if (replicas === 0) return 'no engine is kept that nobody needs'
  return replicas === 1 ? '1 engine is kept' : `${replicas} engines are kept`
}
