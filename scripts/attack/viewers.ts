import { AcexyClient } from '../../tests/support/acexy-client.ts'
import type { Viewing } from '../../tests/support/acexy-viewing.ts'

const PIECE_BYTES = 16_384

/** A viewer at a proxy. Its stream was reported, and it reads the stream all the time. */
export interface Watcher {
  readonly streamId: string
  /** Returns how many bytes the viewer has received. */
  bytes(): number
  /** Whether the viewer's stream has ended. */
  hasEnded(): boolean
  leave(): Promise<void>
}

/** Opens `count` viewers of different contents, each on an engine of its own. Throws if a viewer gets no engine. */
export async function openWatchers(url: string, apiKey: string, count: number): Promise<readonly Watcher[]> {
  const acexy = new AcexyClient({ url, apiKey })
  const watchers: Watcher[] = []
  while (watchers.length < count) {
    const key = String(watchers.length).padStart(40, 'a')
    watchers.push(watcherOf(await acexy.watch({ by: 'infohash', key })))
  }
  if (acexy.troubles.length > 0) throw new Error(`a viewer had troubles: ${acexy.troubles.join('; ')}`)
  return watchers
}

function watcherOf(viewing: Viewing): Watcher {
  let bytes = 0
  let hasEnded = false
  const take = async (): Promise<void> => {
    for (;;) {
      const piece = await viewing.read(PIECE_BYTES)
      bytes += piece.length
      if (piece.length < PIECE_BYTES) break
    }
    hasEnded = true
  }
  void take()
  return {
    streamId: viewing.viewed.streamId,
    bytes: () => bytes,
    hasEnded: () => hasEnded,
    leave: () => viewing.leave(),
  }
}
