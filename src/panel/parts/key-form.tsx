import { useContext, useState } from 'preact/hooks'
import { PanelContext } from '../state/panel.ts'

/** Asks for the key of the API. `why`: what the server said without it. */
export function KeyForm({ why }: { readonly why: string }) {
  const { key, reconnect } = useContext(PanelContext)
  const [text, setText] = useState('')
  const [isKept, setIsKept] = useState(false)
  const submit = (event: Event): void => {
    event.preventDefault()
    key.take(text, isKept)
    setText('')
    reconnect()
  }
  return (
    <form class="banner warn" onSubmit={submit}>
      <label>
        API key ({why})
        <input
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
    </form>
  )
}
