import { until } from './docker.ts'

/** An event of the feed as a client receives it. */
export interface FeedEvent {
  readonly id: string | null
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Reads the feed as the HTML standard defines for server-sent events, and keeps everything that was received. */
export class FeedClient {
  readonly events: FeedEvent[] = []
  readonly comments: string[] = []
  retryMs: number | null = null
  /** The id that a client would send when it reconnects. */
  lastId: string | null = null
  isDone = false
  readonly #reader: {
    read(): Promise<{ readonly value?: Uint8Array | undefined; readonly done: boolean }>
    cancel(): Promise<void>
  }
  readonly #decoder = new TextDecoder()
  #text = ''

  constructor(response: Response) {
    const body: ReadableStream<Uint8Array> | null = response.body
    if (response.status !== 200 || body === null) throw new Error(`no feed: ${response.status}`)
    this.#reader = body.getReader()
  }

  /** Reads in the background until the feed ends, breaks or is left. */
  start(): this {
    void this.#run()
    return this
  }

  /** Reads the next chunk. Returns false at the end. */
  async read(): Promise<boolean> {
    const { value, done } = await this.#reader.read()
    this.isDone = done
    if (value !== undefined) this.#add(this.#decoder.decode(value, { stream: true }))
    return !done
  }

  leave(): Promise<void> {
    return this.#reader.cancel()
  }

  of(event: string): FeedEvent[] {
    return this.events.filter((each) => each.event === event)
  }

  /** The ids of the received journal entries. */
  journalIds(): number[] {
    return this.of('journal').map(({ data }) => Number(data.id))
  }

  /** Waits in real time for an event, and returns the first one that matches. */
  until(what: string, isIt: (event: FeedEvent) => boolean): Promise<FeedEvent> {
    return until(what, () => this.events.find(isIt) ?? false)
  }

  async #run(): Promise<void> {
    try {
      while (await this.read());
    } catch {
      // The connection broke because the server was killed.
      this.isDone = true
    }
  }

  #add(text: string): void {
    this.#text += text
    const blocks = this.#text.split('\n\n')
    this.#text = blocks.pop() ?? ''
    for (const block of blocks) this.#take(block)
  }

  #take(block: string): void {
    const fields = new Map<string, string>()
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? []
      if (name === '') this.comments.push(value)
      else fields.set(name, value)
    }
    const retry = fields.get('retry')
    if (retry !== undefined) this.retryMs = Number(retry)
    this.lastId = fields.get('id') ?? this.lastId
    const data = fields.get('data')
    if (data === undefined) return
    const id = fields.get('id') ?? null
    this.events.push({ id, event: fields.get('event') ?? 'message', data: JSON.parse(data) })
  }
}
