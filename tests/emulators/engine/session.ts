import { Meter } from './meter.ts'

/** The two formats of a playback. */
export type PlaybackFormat = 'mpegts' | 'hls'

/** Why a playback URL is no longer served. */
export type CloseReason = 'superseded' | 'stopped' | 'expired' | 'forgotten'

/** The URLs that one `getstream` handed out. `key` is in all of them, `token` in the address of the bytes. */
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

/** The engine's state for one content: one download, however many URLs were handed out for it. */
export class Session {
  /** Runs while data arrives. Bytes, speeds and playback are computed from it. */
  readonly flow = new Meter()
  /** Runs while the live position moves. */
  readonly position = new Meter()
  /** All URLs handed out. The last one is served; the others are superseded but still control the same session. */
  readonly urls: PlaybackUrl[] = []
  readonly #ended = new AbortController()
  lastActivityMs: number
  /** The URL of the only progressive reader, while it reads. */
  reader: PlaybackUrl | null = null
  /** Whether this session stalls, whatever the network does. */
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

  /** Replaces the served URL by `url`, and disconnects its readers. */
  supersede(url: PlaybackUrl): void {
    const previous = this.current
    this.current = url
    this.urls.push(url)
    if (this.urls.length > URLS_MAX) this.urls.shift()
    previous.close('superseded')
  }

  /** Aborted when the session has ended. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  close(reason: CloseReason): void {
    this.#ended.abort(reason)
    for (const url of this.urls) url.close(reason)
  }
}

/** How many handed-out URLs of one session are remembered. */
const URLS_MAX = 100
