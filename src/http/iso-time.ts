/**
 * Reads an ISO 8601 time as clients write it: a time without zone is UTC (not this machine's zone), and a blank in the
 * place of the zone's sign is a plus that a query string lost. Epoch milliseconds, or null.
 */
export function parseIsoTime(text: string): number | null {
  const mended = text.trim().replace(/(T\d{2}:\d{2}\S*) (\d{2}:?\d{2})$/, '$1+$2')
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}|$)/.test(mended)) return null
  const hasZone = /(?:[zZ]|[+-]\d{2}:?\d{2})$/.test(mended.slice(10))
  const ms = Date.parse(mended.length > 10 && !hasZone ? `${mended.replace(' ', 'T')}Z` : mended)
  return Number.isNaN(ms) ? null : ms
}
