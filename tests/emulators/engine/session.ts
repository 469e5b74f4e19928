import { Meter } from './meter.ts'

/** The two forms that a content is played in. */
export type PlaybackFormat = 'mpegts' | 'hls'

/** Why a playback URL is no longer served. */
export type CloseReason = 'superseded' | 'stopped' | 'expired' | 'forgotten'

/** The URLs that one `getstream` handed out; `key` is in all of them, `token` in the address of the bytes. */
export interface PlaybackUrl {
  readonly infohash: string
  readonly key: string
  readonly token: string
  readonly pid: string | null
  readonly format: PlaybackFormat
  readonly playbackSessionId: string
  /** Aborted, with a {@link CloseReason} as its reason, when this URL is no longer served. */
  readonly closed: AbortSignal
  readonly close: (reason: CloseReason) => void
}

/** What the engine holds for one content: one download, however many URLs were handed out for it. */
export class Session {
  /** Runs while data comes in: bytes, speeds and playback follow it. */
  readonly flow = new Meter()
  /** Runs while the live position moves. */
  readonly position = new Meter()
  /** All URLs handed out; the last one is served, the others are superseded and still command the same session. */
  readonly urls: PlaybackUrl[] = []
  readonly #ended = new AbortController()
  lastActivityMs: number
  /** The one progressive reader's URL, while it reads. */
  reader: PlaybackUrl | null = null
  /** Set while this session stalls whatever the network does. */
  stuck = false
  liveEventSent = false

  constructor(
    readonly infohash: string,
    readonly openedMs: number,
    first: PlaybackUrl,
  ) {
    this.lastActivityMs = openedMs
    this.current = first
    this.urls.push(first)
  }

  /** The URL that is served. */
  current: PlaybackUrl

  /** Puts `url` in the place of the served one, whose readers are cut. */
  supersede(url: PlaybackUrl): void {
    const previous = this.current
    this.current = url
    this.urls.push(url)
    if (this.urls.length > URLS_MAX) this.urls.shift()
    previous.close('superseded')
  }

  /** Aborted when the session is over. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  close(reason: CloseReason): void {
    this.#ended.abort(reason)
    for (const url of this.urls) url.close(reason)
  }
}

/** So many handed-out URLs of one session are remembered. */
const URLS_MAX = 100
