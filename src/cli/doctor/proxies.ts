import type { WarningCode } from '../../core/reporting/warnings.ts'
import { type NetworkFacts, toldRow } from './network.ts'
import { ok, type Row, warning } from './row.ts'

/** What a running server says of its proxies. */
export interface ServerWord {
  /** When one last sent a request, as ISO 8601; null if none did since the start of the server. */
  readonly lastHeard: string | null
  /** From where, the newest first. */
  readonly heard: readonly { readonly address: string; readonly container: string | null }[]
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}

/** The warnings of a server that are about its proxies. */
const ABOUT_PROXIES: ReadonlySet<string> = new Set<WarningCode>([
  'no_proxy_heard',
  'events_refused',
  'engines_unreached',
  'engines_unreachable',
  'free_engine_needed',
])

/** What proxies are told, and what came of it as far as a running server knows; `word` is null without a server. */
export function proxiesRows(facts: NetworkFacts, word: ServerWord | null): readonly Row[] {
  const told = toldRow(facts)
  if (word === null) return [told]
  const known = word.warnings.filter(({ code }) => ABOUT_PROXIES.has(code))
  const rows = known.map(({ message, remedy }) => warning('proxies', message, remedy))
  if (rows.length > 0) return told.status === 'ok' ? rows : [told, ...rows]
  return [told.status === 'ok' ? ok('proxies', `${told.message}; ${heardWords(word)}`) : told]
}

function heardWords({ lastHeard, heard: [newest] }: ServerWord): string {
  if (lastHeard === null) return 'none has asked since the start of the server'
  const from = newest?.container == null ? newest?.address : `the container ${newest.container}`
  return `the last one asked at ${lastHeard}${from === undefined ? '' : `, from ${from}`}`
}
