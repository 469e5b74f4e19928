import { batch, type Signal, signal } from '@preact/signals'
import type { Engine, FeedEvent, JournalEntry, Snapshot, Status, Stream, Vpn } from '../api/types.ts'
import { Rows } from './rows.ts'
import { SampleRings } from './sample-rings.ts'

/** How many entries of the journal, and how many ended streams, the page keeps. */
const JOURNAL_MAX = 1_000
const ENDED_MAX = 200

/** What the page knows of the server. It changes with the events of the feed alone: nothing is shown before it is so. */
export class FleetState {
  readonly status: Signal<Status | null> = signal(null)
  readonly vpn: Signal<Vpn | null> = signal(null)
  readonly engines = new Rows<Engine>()
  /** The started streams. */
  readonly streams = new Rows<Stream>()
  /** Streams that ended lately, newest first. */
  readonly ended: Signal<readonly Stream[]> = signal([])
  /** Entries, newest first. */
  readonly journal: Signal<readonly JournalEntry[]> = signal([])
  /** How many entries never came because the page was slow or away. */
  readonly missed: Signal<number> = signal(0)
  /** How often everything was told anew. What happened before may be missing from what the feed brought. */
  readonly joins: Signal<number> = signal(0)
  readonly samples = new SampleRings()

  apply(events: readonly FeedEvent[]): void {
    batch(() => {
      for (const event of events) this.#apply(event)
    })
  }

  /** Takes what was there before the page was opened. */
  begin(journal: readonly JournalEntry[], ended: readonly Stream[]): void {
    batch(() => {
      this.#addEntries(journal)
      this.#addEnded(ended)
    })
  }

  #apply({ event, data }: FeedEvent): void {
    switch (event) {
      case 'snapshot':
        this.#replace(data)
        break
      case 'status':
        this.status.value = data
        break
      case 'vpn':
        this.vpn.value = data
        break
      case 'engine':
        if ('removed' in data) this.engines.delete(data.container_name ?? '')
        else this.engines.set(idOf(data), data)
        break
      case 'stream':
        this.#applyStream(data)
        break
      case 'journal':
        this.#addEntries([data])
        break
      case 'missed':
        if (data.from !== undefined && data.to !== undefined) this.missed.value += data.to - data.from + 1
        break
      default:
        // A newer server may send more kinds.
        break
    }
  }

  #replace({ status, vpn, engines, streams }: Snapshot): void {
    this.status.value = status
    this.vpn.value = vpn
    this.engines.replace(new Map(engines.map((engine) => [idOf(engine), engine])))
    this.streams.replace(new Map(streams.map((stream) => [stream.id, stream])))
    for (const stream of streams) this.samples.note(stream)
    this.joins.value++
  }

  #applyStream(stream: Stream): void {
    this.samples.note(stream)
    if (stream.status === 'started') {
      this.streams.set(stream.id, stream)
      return
    }
    this.streams.delete(stream.id)
    this.#addEnded([stream])
  }

  #addEntries(entries: readonly JournalEntry[]): void {
    const byId = new Map([...entries, ...this.journal.peek()].map((entry) => [entry.id, entry]))
    this.journal.value = [...byId.values()].toSorted((a, b) => b.id - a.id).slice(0, JOURNAL_MAX)
  }

  #addEnded(streams: readonly Stream[]): void {
    const byRecord = new Map([...this.ended.peek(), ...streams].map((stream) => [stream.record, stream]))
    this.ended.value = [...byRecord.values()]
      .toSorted((a, b) => Date.parse(b.ended_at ?? '') - Date.parse(a.ended_at ?? ''))
      .slice(0, ENDED_MAX)
  }
}

/** The name of an engine's container tells it from others from its beginning on; the container's id comes later. */
const idOf = ({ container_name, container_id }: Engine): string => container_name ?? container_id ?? ''
