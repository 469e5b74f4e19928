import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { ServerWord } from '../../cli/doctor/proxies.ts'
import { ask } from '../../lib/ask.ts'

/** What is read of a status. A server of an older version says less of its proxies. */
const Status = Type.Object({
  proxies: Type.Object({
    last_heard: Type.Union([Type.String(), Type.Null()]),
    heard: Type.Optional(
      Type.Array(
        Type.Object({
          address: Type.String(),
          container: Type.Union([Type.String(), Type.Null()]),
        }),
      ),
    ),
  }),
  warnings: Type.Array(Type.Object({ code: Type.String(), message: Type.String(), remedy: Type.String() })),
})

/** Asks the server that answers at the origin of this URL for its status; null if it gives none. Never throws. */
export async function serverWord(url: string, signal: AbortSignal): Promise<ServerWord | null> {
  try {
    const { text } = await ask(new URL('/orchestrator/status', url).href, { signal })
    const status: unknown = JSON.parse(text)
    if (!Value.Check(Status, status)) return null
    const { proxies, warnings } = status
    return { lastHeard: proxies.last_heard, heard: proxies.heard ?? [], warnings }
  } catch {
    return null
  }
}
