import { batch, type Signal, signal } from '@preact/signals'
import type { Api } from '../api/api.ts'
import type { JournalEntry } from '../api/types.ts'

interface Page {
  readonly events: readonly JournalEntry[]
  readonly next: string | null
}

/** How many entries the server is asked for at a time, and how many are kept of what the feed goes on bringing. */
const PAGE = 100
const KEPT = 1_000

/** The entries that one filter leaves, newest first and without a hole: pages of the server, and what the feed brings. */
export class JournalPages {
  readonly entries: Signal<readonly JournalEntry[]> = signal([])
  /** What names the next older page: null if there is none, and undefined as long as that is not known. */
  readonly next: Signal<string | null | undefined> = signal(undefined)
  readonly isAsking: Signal<boolean> = signal(false)
  /** Why the last question was not answered; null if it was. */
  readonly failure: Signal<string | null> = signal(null)
  readonly #leaving = new AbortController()
  /** Entries up to this one are known without a hole, whatever the feed lost after it; null if nothing was lost. */
  #solidTo: number | null = null
  #loads = 0

  constructor(
    private readonly deps: {
      readonly api: Pick<Api, 'get'>
      /** What the server is asked for. */
      readonly asked: URLSearchParams
      /** Whether the server would name an entry. */
      readonly isMeant: (entry: JournalEntry) => boolean
    },
  ) {}

  /** Asks for the newest page: at first, and after each gap of the feed. Call it before `take` is given what came after the gap. */
  async load(): Promise<void> {
    const newest = this.entries.peek()[0]?.id ?? 0
    this.#solidTo = Math.min(this.#solidTo ?? newest, newest)
    const load = ++this.#loads
    const page = await this.#ask(null)
    if (page !== null && load === this.#loads) this.#join(page)
  }

  /** Asks for the next older page. */
  async older(): Promise<void> {
    const next = this.next.peek()
    if (next === undefined) return this.load()
    if (next === null || this.isAsking.peek()) return
    const page = await this.#ask(next)
    if (page === null || this.next.peek() !== next) return
    batch(() => {
      this.#set([...this.entries.peek(), ...page.events])
      this.next.value = page.next
    })
  }

  /** Takes what the feed brought, newest first; those that are known or not meant are left out. */
  take(entries: readonly JournalEntry[]): void {
    const newest = this.entries.peek()[0]?.id ?? 0
    const news = entries.filter((entry) => entry.id > newest && this.deps.isMeant(entry))
    // Before the server has answered, a page of what is known anyway is enough.
    const shown = this.next.peek() === undefined ? news.slice(0, PAGE) : news
    if (shown.length > 0) this.#set([...shown, ...this.entries.peek()])
  }

  /** Lets go of the oldest entries of a list that nobody reads back. They can be asked for again. */
  trim(): void {
    const entries = this.entries.peek()
    const last = entries[KEPT - 1]
    if (entries.length <= KEPT || last === undefined) return
    batch(() => {
      this.entries.value = entries.slice(0, KEPT)
      this.next.value = String(last.id)
    })
  }

  end(): void {
    this.#leaving.abort()
  }

  /** Puts the newest page to what is known, unless there may be a hole between them. */
  #join({ events, next }: Page): void {
    const oldest = events.at(-1)?.id ?? 0
    const isWhole = this.next.peek() !== undefined && (this.#solidTo ?? 0) >= oldest
    this.#solidTo = null
    batch(() => {
      const known = this.entries.peek()
      this.#set([...events, ...(isWhole ? known : known.filter(({ id }) => id > oldest))])
      if (!isWhole) this.next.value = next
    })
  }

  #set(entries: readonly JournalEntry[]): void {
    const byId = new Map(entries.map((entry) => [entry.id, entry]))
    this.entries.value = [...byId.values()].toSorted((a, b) => b.id - a.id)
  }

  async #ask(cursor: string | null): Promise<Page | null> {
    const query = new URLSearchParams(this.deps.asked)
    query.set('limit', String(PAGE))
    if (cursor !== null) query.set('cursor', cursor)
    this.isAsking.value = true
    try {
      const page = await this.deps.api.get<Page>(`events?${query}`, this.#leaving.signal)
      this.failure.value = null
      return page
    } catch (error) {
      this.failure.value = error instanceof Error ? error.message : String(error)
      return null
    } finally {
      this.isAsking.value = false
    }
  }
}
