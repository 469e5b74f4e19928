import type { Answer } from './http.ts'

/** A wait of acexy between two POSTs, and the answer that caused it. */
export interface Wait {
  readonly seconds: number
  readonly answer: Answer
}

/** The settings that limit a wait. */
export interface WaitSettings {
  readonly detail: string
  readonly viewerWaitS: number
}

/**
 * Says what is wrong with the waits that the answers to one viewer's POSTs have caused; null if nothing is. Together they
 * take at most `VIEWER_WAIT_S`. acexy waits as long as it likes for some sentences, whatever else the answer says. So the
 * sentence about the VPN is left out with `PROVISION_ERROR_DETAIL=auto`, and every sentence with `text`.
 */
export function waitFault(waits: readonly Wait[], { detail, viewerWaitS }: WaitSettings): string | null {
  const bounded = waits.filter(({ answer }) => !isSentence(answer, detail))
  const seconds = bounded.reduce((sum, wait) => sum + wait.seconds, 0)
  if (seconds <= viewerWaitS) return null
  const causes = bounded.map((wait) => `${wait.seconds} s for ${codeOf(wait.answer)}`)
  return `its answers make acexy wait ${causes.join(' and ')}, and VIEWER_WAIT_S is ${viewerWaitS}`
}

/** Whether acexy takes the length of its wait from the words of the answer. */
function isSentence({ body }: Answer, setting: string): boolean {
  const { detail } = body as { readonly detail: unknown }
  if (typeof detail !== 'string') return false
  return setting === 'text' || (setting === 'auto' && detail.includes('VPN'))
}

const codeOf = ({ body }: Answer): string => (body as { readonly code?: string }).code ?? 'no code'
