import { useContext, useEffect, useId, useRef, useState } from 'preact/hooks'
import { KEY_WORDS } from '../state/keys.ts'
import { PanelContext } from '../state/panel.ts'
import { THEMES, type Theme } from '../state/preferences.ts'

const THEME_WORDS: Readonly<Record<Theme, string>> = {
  system: 'as the system',
  light: 'light',
  dark: 'dark',
}

/** Opens the settings of the page. `place` is where the button is: at the head, or at the foot for a phone. */
export function SettingsButton({ place }: { readonly place: 'head' | 'foot' }) {
  const { isSettingsOpen } = useContext(PanelContext)
  return (
    <button
      type="button"
      class={`quiet settings-${place}`}
      title="Colours and keys"
      aria-keyshortcuts="?"
      aria-haspopup="dialog"
      onClick={() => {
        isSettingsOpen.value = true
      }}
    >
      Settings
    </button>
  )
}

/** The settings of the page: what one user wants of it in this browser. The server knows nothing of them. */
export function Settings() {
  const { isSettingsOpen } = useContext(PanelContext)
  return isSettingsOpen.value ? <SettingsDialog /> : null
}

function SettingsDialog() {
  const { isSettingsOpen } = useContext(PanelContext)
  const name = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      class="settings"
      aria-labelledby={name}
      onClose={() => {
        isSettingsOpen.value = false
      }}
    >
      <h2 id={name}>Settings</h2>
      <ThemeChoice />
      <Keys />
      <div class="choice">
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  )
}

function ThemeChoice() {
  const { preferences } = useContext(PanelContext)
  return (
    <fieldset>
      <legend>Colours</legend>
      {THEMES.map((theme) => (
        <label key={theme}>
          <input
            type="radio"
            name="theme"
            checked={preferences.theme === theme}
            onChange={() => {
              preferences.theme = theme
            }}
          />
          {THEME_WORDS[theme]}
        </label>
      ))}
    </fieldset>
  )
}

/** The keys with their switch. They are folded away where there is most likely no keyboard. */
function Keys() {
  const { preferences } = useContext(PanelContext)
  const [isFinger] = useState(() => matchMedia('(hover: none) and (pointer: coarse)').matches)
  const { hasKeys } = preferences
  return (
    <details class={hasKeys ? 'keys' : 'keys off'} open={!isFinger}>
      <summary>Keys</summary>
      <label>
        <input
          type="checkbox"
          checked={hasKeys}
          onChange={({ currentTarget }) => {
            preferences.hasKeys = currentTarget.checked
          }}
        />
        single keys work
      </label>
      <dl>
        {KEY_WORDS.map(({ keys, words }) => (
          <div key={keys.join(' ')}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
