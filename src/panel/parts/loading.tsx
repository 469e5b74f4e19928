import { useContext, useEffect, useState } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { PanelContext } from '../state/panel.ts'

/** Before that, an outline would only flicker. */
const OUTLINE_MS = 150
/** From then on it is said what is waited for. */
const LONG_MS = 5_000

/** The outline of a page that has no answer yet. `awaited` says what it waits for; `retry` asks once more. */
export function Loading({ awaited, retry }: { readonly awaited: string; readonly retry: () => void }) {
  const isSeen = useAfter(OUTLINE_MS)
  const isLong = useAfter(LONG_MS)
  if (!isSeen) return null
  return (
    <section class="loading" aria-label="Loading">
      <p role="status">
        {isLong ? `Still waiting for ${awaited}.` : 'Asking the server.'}
        {isLong && (
          <button type="button" onClick={retry}>
            Retry
          </button>
        )}
      </p>
      <div class="outline" aria-hidden="true">
        <span class="wide" />
        <span />
        <span />
        <span />
        <span />
        <span class="tall" />
      </div>
    </section>
  )
}

/** The outline of a page that shows what the feed brings. */
export function LoadingFeed() {
  const { api, link, reconnect } = useContext(PanelContext)
  const { value } = link
  const why = value.state === 'lost' ? `: ${value.why.replace(/\.$/, '')}` : ''
  return <Loading awaited={`the first answer of ${api.address('events/stream')}${why}`} retry={reconnect} />
}

/** Whether this time has passed since the part was first drawn. */
function useAfter(ms: number): boolean {
  const acts = useContext(ActsContext)
  const [isPast, setIsPast] = useState(false)
  useEffect(() => acts.after(ms, () => setIsPast(true)), [acts, ms])
  return isPast
}
