import type { RefObject } from 'preact'
import { useContext, useId, useRef } from 'preact/hooks'
import type { Act } from '../acts/act.ts'
import { duration } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { KeyForm } from './key-form.tsx'
import { Mark } from './state-mark.tsx'

export interface ActBoxProps {
  readonly act: Act
  readonly label: string
  /** What a click will do. */
  readonly before: string
  /** Why it can't be done now; null if it can. */
  readonly why?: string | null
  readonly onAct: () => void
  /** What is seen of it on the feed while it is under way. */
  readonly progress?: string | null
}

/** A button for an act, with what it will do, and below it how it went. */
export function ActBox({ act, label, before, why = null, onAct, progress = null }: ActBoxProps) {
  const hint = useId()
  const opener = useRef<HTMLButtonElement>(null)
  const isOff = why !== null || act.state.value.step === 'asked'
  return (
    <div class="act">
      <div class="ask">
        <button
          ref={opener}
          type="button"
          // A button that is disabled for real would lose the focus.
          aria-disabled={isOff}
          aria-describedby={hint}
          onClick={() => {
            if (!isOff) onAct()
          }}
        >
          {label}
        </button>
        <span class="before" id={hint}>
          {why ?? before}
        </span>
      </div>
      <Outcome act={act} progress={progress} opener={opener} />
    </div>
  )
}

/** How an act went, or what it waits for. The focus goes back to its button when there is nothing left to press here. */
function Outcome({
  act,
  progress,
  opener,
}: Pick<ActBoxProps, 'act'> & {
  readonly progress: string | null
  readonly opener: RefObject<HTMLButtonElement | null>
}) {
  const { now } = useContext(PanelContext)
  const { value } = act.state
  const leave = (work: () => unknown): void => {
    opener.current?.focus()
    work()
  }
  switch (value.step) {
    case 'idle':
      return null
    case 'asked':
      return (
        <p class="outcome">
          <Mark tone="busy" />
          <span>
            {progress ?? 'asked'}, {duration(now.value - value.sinceMs)}
          </span>
        </p>
      )
    case 'key':
      return (
        <KeyForm
          key={value.why}
          why={value.why}
          onKey={(key, isKept) => leave(() => act.runWithKey(key, isKept))}
          onCancel={() => leave(() => act.dismiss())}
        />
      )
    case 'done':
      return (
        <p class="outcome">
          <Mark tone="ok" />
          <span>{value.words}</span>
        </p>
      )
    case 'failed':
      return (
        <div class="outcome failed">
          <Mark tone="bad" />
          <span>
            {value.words}
            {value.retryAtMs !== null && <Worth atMs={value.retryAtMs} />}
          </span>
          <div class="choice">
            <button type="button" onClick={() => leave(() => act.retry())}>
              Retry
            </button>
            <button type="button" class="quiet" onClick={() => leave(() => act.dismiss())}>
              Dismiss
            </button>
          </div>
        </div>
      )
    default:
      return value satisfies never
  }
}

/** When it is worth to try again. */
function Worth({ atMs }: { readonly atMs: number }) {
  const { now } = useContext(PanelContext)
  const leftMs = atMs - now.value
  return <span class="eta">{leftMs > 0 ? `It may work in ${duration(leftMs)}.` : 'It may work by now.'}</span>
}
