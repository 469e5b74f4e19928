/** What an engine tells of the transfer of one session; null for what it does not tell. */
export interface Figures {
  /** The engine's own word: `prebuf`, `dl`, … */
  readonly status: string | null
  readonly peers: number | null
  /** KB/s. */
  readonly speedDown: number | null
  readonly speedUp: number | null
  /** Bytes since the session began. */
  readonly downloaded: number | null
  readonly uploaded: number | null
  /** Of a live stream: what is played, and the ends of the window, in Unix seconds. */
  readonly livePos: number | null
  readonly liveFirst: number | null
  readonly liveLast: number | null
  readonly bufferPieces: number | null
}

/** Figures that were taken at a time (epoch ms) of the stream of a row. */
export interface Sample extends Figures {
  readonly streamRowId: number
  readonly at: number
}
