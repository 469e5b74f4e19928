import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import { PanelContext } from '../state/panel.ts'

/** Asks for the key of the API, because the feed can't be read without it. `why`: what the server said. */
export function FeedKeyForm({ why }: { readonly why: string }) {
  const { key, reconnect } = useContext(PanelContext)
  return (
    <KeyForm
      why={why}
      onKey={(text, isKept) => {
        key.take(text, isKept)
        reconnect()
      }}
    />
  )
}

/** Asks for the key of the API. With `onCancel` it was called for by a click, so it takes the focus and can be left. */
export function KeyForm({
  why,
  onKey,
  onCancel,
}: {
  readonly why: string
  readonly onKey: (key: string, isKept: boolean) => void
  readonly onCancel?: () => void
}) {
  const [text, setText] = useState('')
  const [isKept, setIsKept] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const isCalledFor = onCancel !== undefined
  useEffect(() => {
    if (isCalledFor) input.current?.focus()
  }, [isCalledFor])
  const submit = (event: Event): void => {
    event.preventDefault()
    setText('')
    onKey(text, isKept)
  }
  return (
    <form class="banner warn" onSubmit={submit}>
      <label>
        API key ({why})
        <input
          ref={input}
          type="password"
          autocomplete="off"
          required
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <label class="tick">
        <input
          type="checkbox"
          checked={isKept}
          onChange={({ currentTarget }) => setIsKept(currentTarget.checked)}
        />
        until this tab is closed
      </label>
      <button type="submit">Use key</button>
      {isCalledFor && (
        <button type="button" class="quiet" onClick={onCancel}>
          Cancel
        </button>
      )}
    </form>
  )
}
