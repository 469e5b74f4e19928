import { useContext } from 'preact/hooks'
import type { Link } from '../api/feed.ts'
import type { Tone } from '../reading/verdict.ts'
import { duration } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { SettingsButton } from './settings.tsx'
import { State } from './state-mark.tsx'

const PAGES = [
  ['overview', 'Overview'],
  ['journal', 'Journal'],
  ['plan', 'Plan'],
] as const

/** The head of every page: where one is, whether what is shown is live, and whether a key is held. */
export function Header() {
  const { route, link, key, now, api } = useContext(PanelContext)
  const { tone, word } = linkState(link.value, now.value)
  return (
    <header class="head">
      <a class="brand" href="#/">
        Roundhouse
      </a>
      <nav aria-label="Pages">
        {PAGES.map(([page, name]) => (
          <a key={page} href={`#/${page}`} aria-current={route.value.page === page ? 'page' : undefined}>
            {name}
          </a>
        ))}
        <a href={api.address('swagger')}>API</a>
      </nav>
      <span class="link" role="status">
        <State tone={tone} word={word} />
      </span>
      {key.value !== null && (
        <button type="button" class="quiet" onClick={() => key.forget()}>
          Forget key
        </button>
      )}
      <SettingsButton place="head" />
    </header>
  )
}

function linkState(link: Link, nowMs: number): { readonly tone: Tone; readonly word: string } {
  switch (link.state) {
    case 'live':
      return { tone: 'ok', word: 'live' }
    case 'connecting':
      return { tone: 'busy', word: 'connecting' }
    case 'paused':
      return { tone: 'unknown', word: 'paused' }
    case 'lost':
      return { tone: 'bad', word: `lost ${duration(nowMs - link.sinceMs)} ago` }
    default:
      return link satisfies never
  }
}
