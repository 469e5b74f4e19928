import { useContext } from 'preact/hooks'
import { PanelContext } from '../state/panel.ts'
import { FeedKeyForm } from './key-form.tsx'
import { Mark } from './state-mark.tsx'

/** How long the feed may be away before a banner says so. */
const BANNER_MS = 5_000

/** Says that what is shown may be old, and why; asks for the key if that is what is missing. */
export function Banner() {
  const { link, now, reconnect } = useContext(PanelContext)
  const { value } = link
  if (value.state !== 'lost') return null
  if (value.needsKey) return <FeedKeyForm why={value.why} />
  if (now.value - value.sinceMs < BANNER_MS) return null
  return (
    <div class="banner bad" role="alert">
      <Mark tone="bad" />
      <span>
        Not live: {value.why}. What is shown is as of {new Date(value.sinceMs).toLocaleTimeString('en-GB')},
        unless the server answers other questions.
      </span>
      <button type="button" onClick={reconnect}>
        Try now
      </button>
    </div>
  )
}
