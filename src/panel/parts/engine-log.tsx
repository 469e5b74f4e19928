import { useComputed, useSignal } from '@preact/signals'
import { useContext, useId, useState } from 'preact/hooks'
import { found } from '../reading/log.ts'
import { count, duration } from '../reading/words.ts'
import { LINES_MAX } from '../state/log-book.ts'
import type { LogWatch } from '../state/log-watch.ts'
import { PanelContext } from '../state/panel.ts'
import { KeyForm } from './key-form.tsx'
import { LogLines } from './log-lines.tsx'
import { Mark } from './state-mark.tsx'
import { useLog } from './use-log.ts'
import { Ago } from './when.tsx'

/** The log of an engine's container: its last lines, what it writes if that is followed, and what is looked for in it. */
export function EngineLog({ container }: { readonly container: string }) {
  const watch = useLog(container)
  const wanted = useSignal('')
  const lines = useComputed(() => found(watch.book.lines.value, wanted.value))
  const counted = useId()
  const { step } = watch.state.value
  const total = watch.book.lines.value.length
  const isFollowed = watch.isFollowed.value
  return (
    <section class="card log" aria-label="Log">
      <div class="log-head">
        <h2>Log</h2>
        <button
          type="button"
          aria-disabled={step === 'gone' || step === 'key'}
          onClick={() => {
            if (step === 'gone' || step === 'key') return
            if (isFollowed) watch.unfollow()
            else watch.follow()
          }}
        >
          {isFollowed ? 'Stop following' : 'Follow'}
        </button>
        <label class="find">
          Find{' '}
          <input
            type="search"
            autocomplete="off"
            spellcheck={false}
            aria-describedby={counted}
            value={wanted.value}
            onInput={({ currentTarget }) => {
              wanted.value = currentTarget.value
            }}
          />
        </label>
        <span class="counted" id={counted}>
          {wanted.value === '' ? count(total, 'line') : `${lines.value.length} of ${count(total, 'line')}`}
        </span>
      </div>
      <LogStep watch={watch} />
      {watch.book.dropped.value > 0 && (
        <p class="more">
          This page keeps the newest {LINES_MAX} lines; {watch.book.dropped.value} older ones are not shown.
        </p>
      )}
      {total > 0 && lines.value.length === 0 && <p class="empty">No line has this text.</p>}
      {lines.value.length > 0 && <LogLines lines={lines} wanted={wanted} />}
    </section>
  )
}

/** How the reading goes, in words, and what can be done about it. */
function LogStep({ watch }: { readonly watch: LogWatch }) {
  const { value } = watch.state
  switch (value.step) {
    case 'asking':
      return <p class="log-step">Asking for the log.</p>
    case 'read':
      return (
        <p class="log-step">
          {watch.book.lines.value.length === 0 ? 'It has written nothing, as of' : 'Read'}{' '}
          <Ago at={new Date(value.atMs).toISOString()} />.
        </p>
      )
    case 'following':
      return (
        <p class="log-step" role="status">
          <Mark tone="ok" /> Following: new lines come by themselves.
        </p>
      )
    case 'paused':
      return <p class="log-step">Paused while nobody sees this page.</p>
    case 'lost':
      return <Lost watch={watch} {...value} />
    case 'key':
      return <Key isWrong={value.isWrong} />
    case 'gone':
      return (
        <p class="log-step" role="status">
          <Mark tone="unknown" /> The container is gone, and its log with it.
          {watch.book.lines.value.length > 0 && ' What this page has read of it is below.'}
        </p>
      )
    case 'failed':
      return (
        <p class="log-step" role="status">
          <Mark tone="bad" /> <span>The log is not known: {value.why}.</span>
          <button type="button" onClick={() => watch.retry()}>
            Retry
          </button>
        </p>
      )
    default:
      return value satisfies never
  }
}

function Lost({
  watch,
  why,
  sinceMs,
  retryAtMs,
}: {
  readonly watch: LogWatch
  readonly why: string
  readonly sinceMs: number
  readonly retryAtMs: number
}) {
  const { now } = useContext(PanelContext)
  const leftMs = retryAtMs - now.value
  return (
    <p class="log-step">
      <Mark tone="warn" />
      <span role="status">Not following: {why}.</span>
      <span class="eta">
        For {duration(now.value - sinceMs)};{' '}
        {leftMs > 0 ? `asks again in ${duration(leftMs)}` : 'asks again now'}.
      </span>
      <button type="button" onClick={() => watch.retry()}>
        Try now
      </button>
    </p>
  )
}

/** Asks for the key when its user wants to give one: without that the rest of the page works as well. */
function Key({ isWrong }: { readonly isWrong: boolean }) {
  const { key } = useContext(PanelContext)
  const [isAsking, setIsAsking] = useState(false)
  if (!isAsking && !isWrong)
    return (
      <p class="log-step">
        <span>A log may hold anything, so the server gives it for the API key only.</span>
        <button type="button" onClick={() => setIsAsking(true)}>
          Enter key
        </button>
      </p>
    )
  return (
    <KeyForm
      why={isWrong ? 'the one given is not that of this server' : 'logs need it'}
      onKey={(text, isKept) => key.take(text, isKept)}
      {...(isAsking ? { onCancel: () => setIsAsking(false) } : {})}
    />
  )
}
