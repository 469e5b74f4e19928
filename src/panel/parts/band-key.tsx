import type { ReadonlySignal } from '@preact/signals'
import { BAND_WORDS, type Band } from '../reading/bands.ts'
import type { Span } from './plot-paint.ts'

const KINDS = ['starting', 'stalled', 'vpn'] as const

/** What the tinted bands mean that are in sight; a narrow band has no room for its word. */
export function BandKey({
  bands,
  span,
}: {
  readonly bands: ReadonlySignal<readonly Band[]>
  readonly span: ReadonlySignal<Span>
}) {
  const { fromMs } = span.value
  const seen = new Set(
    bands.value.filter(({ toMs }) => toMs === null || toMs > fromMs).map(({ kind }) => kind),
  )
  if (seen.size === 0) return null
  return (
    <p class="band-key">
      {KINDS.filter((kind) => seen.has(kind)).map((kind) => (
        <span key={kind} class={kind}>
          {BAND_WORDS[kind]}
        </span>
      ))}
    </p>
  )
}
