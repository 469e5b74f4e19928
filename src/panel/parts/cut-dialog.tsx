import { useSignalEffect } from '@preact/signals'
import { useContext, useEffect, useId, useRef, useState } from 'preact/hooks'
import { Consent, type Cut } from '../acts/consent.ts'
import { ActsContext } from '../acts/context.ts'
import { duration } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'

interface CutDialogProps {
  readonly title: string
  /** What the button that does it says, for so many streams. */
  readonly consentWords: (streams: number) => string
  /** What it does beside cutting streams. */
  readonly effect: string
  /** The streams that it would cut at this moment. Read inside an effect, so that a new one is noticed. */
  readonly cuts: () => readonly Cut[]
  readonly onConfirm: () => void
  readonly onClose: () => void
}

/** Asks before streams are cut, and names each of them. The focus is on Cancel, and goes there again if one more comes. */
export function CutDialog({ title, consentWords, effect, cuts, onConfirm, onClose }: CutDialogProps) {
  const acts = useContext(ActsContext)
  const [name, text] = [useId(), useId()]
  const dialog = useRef<HTMLDialogElement>(null)
  const cancel = useRef<HTMLButtonElement>(null)
  const [consent] = useState(
    () =>
      new Consent(
        cuts().map(({ id }) => id),
        (ms, callback) => acts.after(ms, callback),
      ),
  )
  useEffect(() => {
    dialog.current?.showModal()
    cancel.current?.focus()
    return () => consent.end()
  }, [consent])
  useSignalEffect(() => consent.see(cuts().map(({ id }) => id)))
  useSignalEffect(() => {
    if (consent.arrived.value.size > 0) cancel.current?.focus()
  })
  const now = cuts()
  const isArmed = consent.isArmed.value
  const confirm = (): void => {
    // What came since the last drawing has not been seen either.
    consent.see(cuts().map(({ id }) => id))
    if (!consent.isArmed.peek()) return
    dialog.current?.close()
    onConfirm()
  }
  return (
    <dialog ref={dialog} role="alertdialog" aria-labelledby={name} aria-describedby={text} onClose={onClose}>
      <h2 id={name}>{title}</h2>
      <div id={text}>
        <p>{effect}</p>
        <p role="alert">
          {consent.arrived.value.size > 0 && 'A stream has started since this was asked: look again.'}
        </p>
        {now.length > 0 && (
          <p>{now.length === 1 ? 'This stream ends:' : `These ${now.length} streams end:`}</p>
        )}
        <ul class="cuts">
          {now.map((cut) => (
            <CutLine key={cut.id} cut={cut} isNew={consent.arrived.value.has(cut.id)} />
          ))}
        </ul>
      </div>
      <div class="choice">
        <button ref={cancel} type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button type="button" class="danger" aria-disabled={!isArmed} onClick={confirm}>
          {consentWords(now.length)}
        </button>
      </div>
    </dialog>
  )
}

function CutLine({ cut: { id, stream }, isNew }: { readonly cut: Cut; readonly isNew: boolean }) {
  const { now } = useContext(PanelContext)
  return (
    <li>
      {isNew && <strong>new: </strong>}
      <span class="mono">{stream?.key ?? id}</span>
      <span class="played">
        {stream === null ? '' : `playing for ${duration(now.value - Date.parse(stream.started_at))}`}
      </span>
    </li>
  )
}
