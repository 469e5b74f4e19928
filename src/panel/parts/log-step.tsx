import type { ComponentChildren, RefObject } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import type { Tone } from '../reading/verdict.ts'
import { duration } from '../reading/words.ts'
import type { LogState, LogWatch } from '../state/log-watch.ts'
import { PanelContext } from '../state/panel.ts'
import { KeyForm } from './key-form.tsx'
import { Mark } from './state-mark.tsx'
import { Ago } from './when.tsx'

interface LogStepProps {
  readonly watch: LogWatch
  /** Where the focus goes when a form for the key is closed. */
  readonly opener: RefObject<HTMLElement | null>
}

/** How the reading of a log goes, in words, and what can be done about it. */
export function LogStep({ watch, opener }: LogStepProps) {
  const [isAsking, setIsAsking] = useState(false)
  const { value } = watch.state
  const isRead = value.step === 'read' || value.step === 'following'
  useEffect(() => {
    if (isRead) setIsAsking(false)
  }, [isRead])
  switch (value.step) {
    case 'asking':
      return <Words>Asking for the log.</Words>
    case 'read':
      return (
        <Words>
          {watch.book.lines.value.length === 0 ? 'It has written nothing, as of' : 'Read'}{' '}
          <Ago at={new Date(value.atMs).toISOString()} />.
        </Words>
      )
    case 'following':
      return <Words tone="ok">Following: new lines come by themselves.</Words>
    case 'paused':
      return <Words>Paused while nobody sees this page.</Words>
    case 'lost':
      return <Lost watch={watch} lost={value} />
    case 'key':
      return (
        <Key
          isWrong={value.isWrong}
          isAsking={isAsking}
          onAsk={setIsAsking}
          onClose={() => opener.current?.focus()}
        />
      )
    case 'gone':
      return (
        <Words tone="unknown">
          The container is gone, and its log with it.
          {watch.book.lines.value.length > 0 && ' What this page has read of it is below.'}
        </Words>
      )
    case 'failed':
      return (
        <Words tone="bad" button={{ name: 'Retry', onClick: () => watch.retry() }}>
          The log is not known: {value.why}.
        </Words>
      )
    default:
      return value satisfies never
  }
}

interface WordsProps {
  readonly children: ComponentChildren
  /** With a tone, the words are read aloud. */
  readonly tone?: Tone
  /** More words, which change all the time and are not read aloud. */
  readonly more?: string
  readonly button?: { readonly name: string; readonly onClick: () => void }
}

function Words({ children, tone, more, button }: WordsProps) {
  return (
    <div class="log-step">
      {tone !== undefined && <Mark tone={tone} />}
      <p>
        <span {...(tone === undefined ? {} : { role: 'status' })}>{children}</span> {more}
      </p>
      {button !== undefined && (
        <button type="button" onClick={button.onClick}>
          {button.name}
        </button>
      )}
    </div>
  )
}

function Lost({
  watch,
  lost: { why, sinceMs, retryAtMs },
}: {
  readonly watch: LogWatch
  readonly lost: Extract<LogState, { step: 'lost' }>
}) {
  const { now } = useContext(PanelContext)
  const leftMs = retryAtMs - now.value
  const next = leftMs > 500 ? `asks again in ${duration(leftMs)}` : 'asks again now'
  return (
    <Words
      tone="warn"
      more={`For ${duration(now.value - sinceMs)}; ${next}.`}
      button={{ name: 'Try now', onClick: () => watch.retry() }}
    >
      Not following: {why}.
    </Words>
  )
}

interface KeyProps {
  readonly isWrong: boolean
  readonly isAsking: boolean
  readonly onAsk: (isAsking: boolean) => void
  readonly onClose: () => void
}

/** Asks for the key when its user wants to give one: without that the rest of the page works as well. */
function Key({ isWrong, isAsking, onAsk, onClose }: KeyProps) {
  const { key } = useContext(PanelContext)
  if (!isAsking)
    return (
      <Words button={{ name: 'Enter key', onClick: () => onAsk(true) }}>
        A log may hold anything, so the server gives it for the API key only.
      </Words>
    )
  return (
    <KeyForm
      why={isWrong ? 'the one given is not that of this server' : 'logs need it'}
      onKey={(text, isKept) => {
        onClose()
        key.take(text, isKept)
      }}
      onCancel={() => {
        onClose()
        onAsk(false)
      }}
    />
  )
}
