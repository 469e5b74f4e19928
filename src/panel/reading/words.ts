/* Numbers and times in words, as the page shows them. */

/** Missing values are never shown as 0. */
export const MISSING = '–'

/** A time that passed, in its largest unit, or its two largest ones from an hour on: `12 s`, `4 min`, `1 h 20 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** The engine's rates are in KB of 1024 bytes; people read powers of ten. */
export const bytesOf = (kilobytes: number | null): number | null =>
  kilobytes === null ? null : kilobytes * 1_024

export const rate = (kilobytes: number | null): string => speed(bytesOf(kilobytes))

/** Bytes a second. */
export function speed(bytes: number | null): string {
  if (bytes === null) return MISSING
  if (bytes < 1_000) return `${bytes} B/s`
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB/s` : `${(bytes / 1_000_000).toFixed(1)} MB/s`
}

export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** The beginning of a content's id, which tells it from others. */
export const shortId = (text: string): string => (text.length > 12 ? `${text.slice(0, 8)}…` : text)

/** A time of the API in milliseconds; null if there is none. */
export const msOf = (time: string | null): number | null => (time === null ? null : Date.parse(time))

/** A day where the reader is, as the state of the page names today. */
export const dayOf = (ms: number): string => new Date(ms).toDateString()

/** A day in words, such as `28 Nov`. */
export const dayText = (ms: number): string =>
  new Date(ms).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })

/** A time of the day where the reader is, such as `20:15:03`. */
export const timeText = (at: string | number): string => new Date(at).toLocaleTimeString('en-GB')

/** A time of the day; with its day, such as `27 Nov 20:15:03`, if that is not `today`. */
export const clockText = (ms: number, today: string): string =>
  dayOf(ms) === today ? timeText(ms) : `${dayText(ms)} ${timeText(ms)}`

const EXACT = new Intl.DateTimeFormat('en-GB', {
  ...{ day: 'numeric', month: 'short', year: 'numeric' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short' },
})

/** A time of the API in full, where the reader is: `28 Nov 2026, 01:15:03 GMT`. */
export const exactText = (time: string): string => EXACT.format(Date.parse(time))

/** A clause of the server as a sentence. */
export const sentence = (clause: string): string =>
  `${clause.slice(0, 1).toUpperCase()}${clause.slice(1).replace(/\.$/, '')}.`
