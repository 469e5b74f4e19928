import type { Warning } from './warnings.ts'

/** Smaller differences are normal: a time server corrects as much. */
const NOTED_MS = 60_000

/**
 * The warning that the machine's clock was set while the process ran; null if it was not. `aheadMs` is how far that clock is
 * ahead of the process's own time, in milliseconds. Nothing is decided by the machine's clock, so only the displayed times
 * are wrong.
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
