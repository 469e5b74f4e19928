/** A calendar day and a time of it, in the extended form or, without its hyphens and colons, the basic one. */
const DAY = /^(\d{4})(-?)(\d{2})\2(\d{2})/
const TIME = /^[T ](\d{2})(?:(:?)(\d{2})(?:\2(\d{2})(?:[.,](\d+))?)?)?/i
const ZONE = /^(?:Z|([+-])(\d{2})(?::?(\d{2}))?)?$/i

/**
 * Reads an ISO 8601 time as clients write it: a time without zone is UTC (not this machine's zone), and a blank in the
 * place of the zone's sign is a plus that a query string lost. Epoch milliseconds, or null; days that no month has are none.
 */
export function parseIsoTime(text: string): number | null {
  const given = text.trim().replace(/(T\S*) (\d{2}(?::?\d{2})?)$/i, '$1+$2')
  const [day = '', year, , month, date] = DAY.exec(given) ?? []
  const [time = '', hour = '0', , minute = '0', second = '0', fraction = '0'] =
    TIME.exec(given.slice(day.length)) ?? []
  const zone = ZONE.exec(given.slice(day.length + time.length))
  if (day === '' || zone === null || (time === '' && zone[0] !== '')) return null
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date)))
  // A day that no month has is one of another month.
  const isDay = midnight.getUTCMonth() === Number(month) - 1
  const [h, m, s] = [Number(hour), Number(minute), Number(second)]
  // Midnight has a second name, and a leap second is the first of the next minute.
  const isTime = (h < 24 && m < 60 && s <= 60) || (h === 24 && m === 0 && s === 0)
  const [, sign = '+', zoneHours = '0', zoneMinutes = '0'] = zone
  const offsetMinutes = (sign === '-' ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes))
  if (!isDay || !isTime || Math.abs(offsetMinutes) >= 24 * 60) return null
  const ofDayMs =
    ((h * 60 + m - offsetMinutes) * 60 + s) * 1_000 + Math.floor(Number(`0.${fraction}`) * 1_000)
  return midnight.getTime() + ofDayMs
}
