/** A time in epoch milliseconds, in the form that answers have. */
export const iso = (ms: number): string => new Date(ms).toISOString()

/** The same for a time that may be missing. */
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms))
