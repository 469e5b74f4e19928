import { useComputed } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useContext } from 'preact/hooks'
import { silenceOf } from '../reading/docker.ts'
import { isOld, lostWords } from '../reading/link.ts'
import { sentence, timeText } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { FeedKeyForm } from './key-form.tsx'
import { Mark } from './state-mark.tsx'

/** What has to be known on every page: that what is shown may be old, and that Docker does not answer. */
export function Banner() {
  const { link } = useContext(PanelContext)
  const { value } = link
  if (value.state === 'lost' && value.needsKey) return <FeedKeyForm why={value.why} />
  return (
    <>
      <Lost />
      <Silent />
    </>
  )
}

/** What is shown. It is dimmed as long as it may be old. */
export function Shown({ children }: { readonly children: ComponentChildren }) {
  const { link, now } = useContext(PanelContext)
  const isDimmed = useComputed(() => isOld(link.value, now.value))
  return <main class={isDimmed.value ? 'old' : ''}>{children}</main>
}

/** Says that what is shown may be old, and why. */
function Lost() {
  const { link, now, reconnect } = useContext(PanelContext)
  const lost = lostWords(link.value, now.value)
  if (lost === null) return null
  return (
    <div class={`banner ${lost.tone}`} role="alert">
      <Mark tone={lost.tone} />
      <span class="words">{lost.words}</span>
      <button type="button" onClick={reconnect}>
        Try now
      </button>
    </div>
  )
}

/** Says that Docker does not answer, and what that means. */
function Silent() {
  const { fleet } = useContext(PanelContext)
  const silence = fleet.status.value === null ? null : silenceOf(fleet.status.value)
  if (silence === null) return null
  const { since, message, remedy } = silence
  return (
    <section class="banner bad" aria-label="Docker">
      <Frozen />
      <div class="words">
        <p>
          <strong>
            Docker is silent since <time dateTime={since}>{timeText(since)}</time>: nothing is being stopped
          </strong>{' '}
          or started. Engines that run go on, and so do their streams.
        </p>
        <p class="more">
          {sentence(message)} {sentence(remedy)}
        </p>
      </div>
    </section>
  )
}

/** Two bars: it stands still. */
const Frozen = () => (
  <svg class="mark bad" viewBox="0 0 16 16" role="img" aria-label="frozen">
    <title>frozen</title>
    <path d="M5 3v10M11 3v10" />
  </svg>
)
