/** What an engine tells about the transfer of one session; each figure is null if the engine does not tell it. */
export interface Figures {
  /** The state in the engine's own words: `prebuf`, `dl`, … */
  readonly status: string | null
  readonly peers: number | null
  /** KB/s. */
  readonly speedDown: number | null
  readonly speedUp: number | null
  /** Bytes since the session began. */
  readonly downloaded: number | null
  readonly uploaded: number | null
  /** For a live stream: the playback position and both ends of the window, in Unix seconds. */
  readonly livePos: number | null
  readonly liveFirst: number | null
  readonly liveLast: number | null
  readonly bufferPieces: number | null
}

/** The figures of one stream at one time (epoch milliseconds). */
export interface Sample extends Figures {
  readonly streamRowId: number
  readonly at: number
}
