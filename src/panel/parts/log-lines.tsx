import { type ReadonlySignal, useSignal } from '@preact/signals'
import type { VNode } from 'preact'
import { useContext, useLayoutEffect, useRef } from 'preact/hooks'
import { clockOf, dayOf, exactOf, partsOf } from '../reading/log.ts'
import { count } from '../reading/words.ts'
import type { KeptLine } from '../state/log-book.ts'
import { PanelContext } from '../state/panel.ts'

/** This close to its end a reader is at the end. */
const NEAR_PX = 24

interface LogLinesProps {
  readonly lines: ReadonlySignal<readonly KeptLine[]>
  /** What is looked for; it is marked in the lines. */
  readonly wanted: ReadonlySignal<string>
}

/** Lines of a log in a box of their own, which stays at the end for as long as its reader is there. */
export function LogLines({ lines, wanted }: LogLinesProps) {
  const box = useRef<HTMLElement>(null)
  const isAtEnd = useSignal(true)
  /** The newest line that the reader has had in sight at the end. */
  const seen = useSignal(0)
  const newest = lines.value.at(-1)?.number ?? 0
  const rowsOf = useRows()
  const toEnd = (): void => {
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight
  }
  useLayoutEffect(() => {
    if (!isAtEnd.peek()) return
    toEnd()
    seen.value = newest
  }, [lines.value])
  const onScroll = (): void => {
    if (box.current === null) return
    const { scrollHeight, scrollTop, clientHeight } = box.current
    isAtEnd.value = scrollHeight - scrollTop - clientHeight < NEAR_PX
    if (isAtEnd.value) seen.value = newest
  }
  const more = lines.value.filter(({ number }) => number > seen.value).length
  return (
    <div class="log-box">
      {/* The keyboard scrolls only what can have the focus. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls needs the focus */}
      <section class="log-lines" ref={box} onScroll={onScroll} tabIndex={0} aria-label="Lines">
        <ol>{rowsOf(lines.value, wanted.value)}</ol>
      </section>
      {!isAtEnd.value && (
        <button
          type="button"
          class="to-end"
          onClick={() => {
            toEnd()
            box.current?.focus()
          }}
        >
          To the end{more > 0 && `: ${count(more, 'new line')}`}
        </button>
      )}
    </div>
  )
}

/** Makes the rows of lines. A row that was made before is the same one, so nothing compares what is in it. */
function useRows(): (lines: readonly KeptLine[], wanted: string) => readonly VNode[] {
  const made = useRef({ wanted: '', rows: new WeakMap<KeptLine, VNode>() })
  return (lines, wanted) => {
    if (made.current.wanted !== wanted) made.current = { wanted, rows: new WeakMap() }
    const { rows } = made.current
    return lines.map((line, n) => {
      // The first row tells its day, and other lines may have been there before it.
      const known = n === 0 ? undefined : rows.get(line)
      const row = known ?? <Line key={line.number} line={line} before={lines[n - 1]} wanted={wanted} />
      if (n > 0) rows.set(line, row)
      return row
    })
  }
}

interface LineProps {
  readonly line: KeptLine
  readonly before: KeptLine | undefined
  readonly wanted: string
}

function Line({ line, before, wanted }: LineProps) {
  const { showsTimes, now } = useContext(PanelContext)
  const { atMs, output, text, isAfterGap } = line
  const day = atMs === null ? null : dayOf(atMs)
  const dayBefore = before === undefined ? dayOf(now.peek()) : before.atMs === null ? day : dayOf(before.atMs)
  return (
    <>
      {isAfterGap && <li class="gap">Lines are missing here: too many came while this page was away.</li>}
      {day !== null && day !== dayBefore && <li class="day">{day}</li>}
      <li class={output === 'stderr' ? 'stderr' : ''}>
        {atMs !== null && (
          <time dateTime={new Date(atMs).toISOString()} title={exactOf(atMs)}>
            {showsTimes.value ? exactOf(atMs) : clockOf(atMs)}
          </time>
        )}
        {output === 'stderr' && <span class="output">stderr</span>}
        <span class="text">
          {partsOf(text, wanted).map(({ text: part, isHit }, place) =>
            // The parts of a line have nothing but their place.
            isHit ? <mark key={place}>{part}</mark> : part,
          )}
        </span>
      </li>
    </>
  )
}
