import { AcexyClient } from '../../tests/support/acexy-client.ts'
import type { Viewing } from '../../tests/support/acexy-viewing.ts'

const PIECE_BYTES = 16_384

/** A viewer at a proxy: its stream was reported, and it takes its bytes all the time. */
export interface Watcher {
  readonly streamId: string
  /** How many bytes it has had. */
  bytes(): number
  /** Whether its stream has ended. */
  hasEnded(): boolean
  leave(): Promise<void>
}

/** So many viewers of different contents, each at an engine of its own. Throws where one gets no engine. */
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
