import { useComputed, useSignal } from '@preact/signals'
import { useContext } from 'preact/hooks'
import { clockText, duration, exactText, timeText } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'

/** A time as how long ago it was; the exact one shows on hover, or everywhere after the key `t`. */
export function Ago({ at }: { readonly at: string }) {
  const { now } = useContext(PanelContext)
  return <Exact at={at} words={`${duration(now.value - Date.parse(at))} ago`} />
}

/** How old something is, or since when it is there. From a minute on only its text changes, once a minute, and nothing else is drawn. */
export function Age({ at }: { readonly at: string }) {
  const { now, showsTimes } = useContext(PanelContext)
  const since = useSignal(at)
  since.value = at
  const text = useComputed(() =>
    showsTimes.value ? exactText(since.value) : duration(now.value - Date.parse(since.value)),
  )
  return (
    <time dateTime={at} title={exactText(at)}>
      {text}
    </time>
  )
}

/** A time of the day, with seconds; with its day if that is not today. */
export function Clock({ at }: { readonly at: string }) {
  const { today } = useContext(PanelContext)
  return <Exact at={at} words={clockText(Date.parse(at), today.value)} />
}

/** A time of the day, with seconds, where its day stands elsewhere. */
export function TimeOfDay({ at }: { readonly at: string }) {
  return <Exact at={at} words={timeText(Date.parse(at))} />
}

function Exact({ at, words }: { readonly at: string; readonly words: string }) {
  const { showsTimes } = useContext(PanelContext)
  const exact = exactText(at)
  return (
    <time dateTime={at} title={exact}>
      {showsTimes.value ? exact : words}
    </time>
  )
}
