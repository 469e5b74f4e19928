/** A calendar day and a time of day, in the extended form or in the basic form (without hyphens and colons). */
const DAY = /^(\d{4})(-?)(\d{2})\2(\d{2})/
const TIME = /^[T ](\d{2})(?:(:?)(\d{2})(?:\2(\d{2})(?:[.,](\d+))?)?)?/i
const ZONE = /^(?:Z|([+-])(\d{2})(?::?(\d{2}))?)?$/i

/**
 * Reads an ISO 8601 time as clients write it. A time without a zone is UTC, not this machine's zone. A blank in the place of
 * the zone's sign counts as a plus, because a query string turns a plus into a blank. Returns epoch milliseconds, or null if
 * the text is no such time or its day does not exist.
 */
export function parseIsoTime(text: string): number | null {
  const given = text.trim().replace(/(T\S*) (\d{2}(?::?\d{2})?)$/i, '$1+$2')
  const [day = '', year, , month, date] = DAY.exec(given) ?? []
  const [time = '', hour = '0', , minute = '0', second = '0', fraction = '0'] =
    TIME.exec(given.slice(day.length)) ?? []
  const zone = ZONE.exec(given.slice(day.length + time.length))
  if (day === '' || zone === null || (time === '' && zone[0] !== '')) return null
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date)))
  // `Date.UTC` moves a day that does not exist, like 31 April, to the next month.
  const isDay = midnight.getUTCMonth() === Number(month) - 1
  const [h, m, s] = [Number(hour), Number(minute), Number(second)]
  // 24:00 is midnight, and second 60 is a leap second; it counts as the first second of the next minute.
  const isTime = (h < 24 && m < 60 && s <= 60) || (h === 24 && m === 0 && s === 0)
  const [, sign = '+', zoneHours = '0', zoneMinutes = '0'] = zone
  const offsetMinutes = (sign === '-' ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes))
  if (!isDay || !isTime || Math.abs(offsetMinutes) >= 24 * 60) return null
  const ofDayMs =
    ((h * 60 + m - offsetMinutes) * 60 + s) * 1_000 + Math.floor(Number(`0.${fraction}`) * 1_000)
  return midnight.getTime() + ofDayMs
}
