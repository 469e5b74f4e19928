import { Fragment } from 'preact'
import { useContext } from 'preact/hooks'
import { happening } from '../reading/changes.ts'
import type { JournalLine } from '../reading/journal.ts'
import { clockText, dayOf, dayText, shortId } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { engineLink, streamLink } from '../state/route.ts'
import { Mark } from './state-mark.tsx'
import { TimeOfDay } from './when.tsx'

/** Lines of a journal, newest first. Days that are over have a head. */
export function EntryLines({ lines }: { readonly lines: readonly JournalLine[] }) {
  const { today } = useContext(PanelContext)
  const days = lines.map(({ entry }) => dayOf(Date.parse(entry.at)))
  return (
    <>
      {lines.map((line, n) => {
        const isNext = days[n] !== (days[n - 1] ?? today.value)
        return (
          <Fragment key={line.first.id}>
            {isNext && <li class="day">{dayText(Date.parse(line.entry.at))}</li>}
            <EntryLine line={line} />
          </Fragment>
        )
      })}
    </>
  )
}

/** One line: when, how bad, of which kind, and what happened to what. */
function EntryLine({ line: { entry, times, first, tone } }: { readonly line: JournalLine }) {
  const { today } = useContext(PanelContext)
  const { container_name: engine, stream_id: stream } = entry
  return (
    <li>
      <TimeOfDay at={entry.at} />
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
