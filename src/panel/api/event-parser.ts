/** A block of a stream of server-sent events. A comment, such as a heartbeat, has neither an event nor data. */
export interface SentEvent {
  readonly id: string | null
  readonly event: string
  readonly data: string
}

/**
 * Takes a stream of server-sent events apart, as the HTML standard describes it (section 9.2.6), for lines that end with LF,
 * as ours do. It keeps what is unfinished until the rest comes.
 */
export class EventParser {
  #rest = ''

  /** Takes a piece of text of any size. Returns the events that it completes. */
  take(text: string): readonly SentEvent[] {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.flatMap((block) => eventOf(block) ?? [])
  }
}

function eventOf(block: string): SentEvent | null {
  let id: string | null = null
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const [name, value] = colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)]
    const text = value.startsWith(' ') ? value.slice(1) : value
    if (name === 'id') id = text
    else if (name === 'event') event = text
    else if (name === 'data') data.push(text)
  }
  return data.length === 0 ? null : { id, event, data: data.join('\n') }
}
