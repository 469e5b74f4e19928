import type { Warning } from './warnings.ts'

/** What is less is no more than what a time server corrects. */
const NOTED_MS = 60_000

/**
 * What users are told where the machine's clock is `aheadMs` ahead of what has gone by since the process began; null where it is not.
 * Nothing is decided by that clock, so only what is shown is other than on a watch.
 */
export function clockWarning(aheadMs: number): Warning | null {
  if (Math.abs(aheadMs) < NOTED_MS) return null
  const change = aheadMs > 0 ? 'was set forward, or the machine slept,' : 'was set back'
  return {
    message:
      `the clock of this machine ${change} while this process ran (${inMinutes(Math.abs(aheadMs))}): nothing is decided by it, ` +
      'but times that are shown go on from the clock as it was',
    remedy:
      'restart this process when it suits, and they are as on the clock; engines and their streams go on',
  }
}

function inMinutes(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`
}
