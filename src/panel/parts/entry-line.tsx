import { useContext } from 'preact/hooks'
import { happening } from '../reading/changes.ts'
import type { JournalLine } from '../reading/journal.ts'
import { clockText, shortId } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { engineLink, streamLink } from '../state/route.ts'
import { Mark } from './state-mark.tsx'
import { Clock } from './when.tsx'

/** One line of a journal: when, how bad, of which kind, and what happened to what. */
export function EntryLine({ line: { entry, times, first, tone } }: { readonly line: JournalLine }) {
  const { today } = useContext(PanelContext)
  const { container_name: engine, stream_id: stream } = entry
  return (
    <li>
      <Clock at={entry.at} />
      {tone === null ? <span class="mark" /> : <Mark tone={tone} />}
      <span class="kind mono">{entry.kind}</span>
      <span class="what">
        {engine !== null && <Name id={engine} words={engine} href={engineLink(engine)} />} {happening(entry)}{' '}
        {stream !== null && <Name id={stream} words={shortId(stream)} href={streamLink(stream)} />}
        {times > 1 && (
          <span class="times" title={`${times} times since ${clockText(Date.parse(first.at), today.value)}`}>
            ×{times}
          </span>
        )}
      </span>
    </li>
  )
}

/** Names an engine or a stream. Its own page does not lead to itself. */
function Name({ id, words, href }: { readonly id: string; readonly words: string; readonly href: string }) {
  const { route } = useContext(PanelContext)
  return route.value.id === id ? <span>{words}</span> : <a href={href}>{words}</a>
}
