/** A time in epoch milliseconds as answers have it. */
export const iso = (ms: number): string => new Date(ms).toISOString()

/** The same for a time that there may not be. */
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms))
