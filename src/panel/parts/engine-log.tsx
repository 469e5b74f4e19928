import { useComputed, useSignal } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import { found } from '../reading/log.ts'
import { count } from '../reading/words.ts'
import { LINES_MAX } from '../state/log-book.ts'
import { LogLines } from './log-lines.tsx'
import { LogStep } from './log-step.tsx'
import { useLog } from './use-log.ts'

/** The log of an engine's container: its last lines, what it writes if that is followed, and what is looked for in it. */
export function EngineLog({ container }: { readonly container: string }) {
  const watch = useLog(container)
  const wanted = useSignal('')
  const lines = useComputed(() => found(watch.book.lines.value, wanted.value))
  const counted = useId()
  const { step } = watch.state.value
  const total = watch.book.lines.value.length
  const isFollowed = watch.isFollowed.value
  const opener = useRef<HTMLButtonElement>(null)
  return (
    <section class="card log" aria-label="Log">
      <div class="log-head">
        <h2>Log</h2>
        <button
          ref={opener}
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
      <LogStep watch={watch} opener={opener} />
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
