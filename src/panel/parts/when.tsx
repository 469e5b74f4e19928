import { useComputed, useSignal } from '@preact/signals'
import { useContext } from 'preact/hooks'
import { duration } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'

/** A time as how long ago it was; the exact one shows on hover, or everywhere after the key `t`. */
export function Ago({ at }: { readonly at: string }) {
  const { now, showsTimes } = useContext(PanelContext)
  const exact = exactTime(at)
  return (
    <time dateTime={at} title={exact}>
      {showsTimes.value ? exact : `${duration(now.value - Date.parse(at))} ago`}
    </time>
  )
}

/** How old something is. From a minute on only its text changes, once a minute, and nothing else is drawn. */
export function Age({ at }: { readonly at: string }) {
  const { now } = useContext(PanelContext)
  const sinceMs = useSignal(0)
  sinceMs.value = Date.parse(at)
  const text = useComputed(() => duration(now.value - sinceMs.value))
  return <>{text}</>
}

/** A time of the day, with seconds. */
export function Clock({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={exactTime(at)}>
      {new Date(at).toLocaleTimeString('en-GB')}
    </time>
  )
}

const exactTime = (at: string): string =>
  new Date(at).toLocaleString('en-GB', { hour12: false, timeZoneName: 'short' })
