import type { Tone } from '../reading/verdict.ts'

/** A shape for each tone, so that nobody has to tell colours apart. */
const SHAPES: Readonly<Record<Tone, { readonly path: string; readonly label: string }>> = {
  ok: { path: 'M3 8.5 6.5 12 13 4.5', label: 'fine' },
  warn: { path: 'M8 2.5 14.5 14h-13zM8 6.5v3.5M8 12v.01', label: 'warning' },
  bad: { path: 'M4 4l8 8M12 4l-8 8', label: 'wrong' },
  busy: { path: 'M8 3v5l3.5 2M8 1.5a6.5 6.5 0 1 1-6.5 6.5', label: 'under way' },
  unknown: { path: 'M5.5 6a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M8 12.5v.01', label: 'not known' },
}

/** The shape of a tone, with its word for those who can't see it. */
export function Mark({ tone }: { readonly tone: Tone }) {
  const { path, label } = SHAPES[tone]
  return (
    <svg class={`mark ${tone}`} viewBox="0 0 16 16" role="img" aria-label={label}>
      <title>{label}</title>
      <path d={path} />
    </svg>
  )
}

/** A state as shape, colour and word. */
export function State({ tone, word }: { readonly tone: Tone; readonly word: string }) {
  return (
    <span class={`state ${tone}`}>
      <Mark tone={tone} />
      <span>{word}</span>
    </span>
  )
}
