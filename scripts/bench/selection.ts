import type { TestServer } from '../../tests/support/server.ts'
import { endStream, type ListedEngine, startStream } from './fleet.ts'
import { KeepAliveConnection } from './keep-alive-connection.ts'

const WARM_UP = 20
const SELECTIONS = 300
const ENDED_STREAMS = 200

/** Milliseconds of selections: with unchanged books, and right after one stream has started and another has ended. */
export interface SelectionTimes {
  readonly calm: readonly number[]
  readonly afterEvents: readonly number[]
}

/**
 * Times the questions that acexy asks before every viewer: the engines, then the started streams of each, one after the
 * other on one connection. Every second engine has a stream meanwhile, and the books also contain some hundred ended
 * streams.
 */
export async function measureSelections(
  server: TestServer,
  engines: readonly ListedEngine[],
): Promise<SelectionTimes> {
  const [first] = engines
  if (first === undefined) throw new Error('there is no engine to select')
  for (let n = 0; n < ENDED_STREAMS; n++) await endStream(server, await startStream(server, first))
  const busy = engines.filter((_, index) => index % 2 === 1)
  for (const engine of busy) await startStream(server, engine)

  const connection = await KeepAliveConnection.open(server.url)
  try {
    const select = () => selection(connection, { engines: engines.length, streams: busy.length })
    for (let n = 0; n < WARM_UP; n++) await select()
    const calm: number[] = []
    for (let n = 0; n < SELECTIONS; n++) calm.push(await select())
    return { calm, afterEvents: await selectionsAfterEvents(server, first, select) }
  } finally {
    connection.close()
  }
}

/**
 * Times selections right after events. The events are not measured; they make the orchestrator compute its answers again.
 */
async function selectionsAfterEvents(
  server: TestServer,
  engine: ListedEngine,
  select: () => Promise<number>,
): Promise<number[]> {
  const times: number[] = []
  for (let n = 0; n < SELECTIONS; n++) {
    await endStream(server, await startStream(server, engine))
    times.push(await select())
  }
  return times
}

/** Times one selection. Throws if the answers are wrong, because a fast wrong answer is not a good figure. */
export async function selection(
  connection: KeepAliveConnection,
  expected: { readonly engines: number; readonly streams: number },
): Promise<number> {
  const startedMs = performance.now()
  const engines: readonly ListedEngine[] = JSON.parse(String(await connection.get('/engines')))
  let streams = 0
  for (const { container_id } of engines) {
    const path = `/streams?container_id=${container_id}&status=started`
    const started: readonly unknown[] = JSON.parse(String(await connection.get(path)))
    streams += started.length
  }
  const tookMs = performance.now() - startedMs
  if (engines.length !== expected.engines || streams !== expected.streams) {
    throw new Error(
      `${engines.length} engines with ${streams} streams listed: ${JSON.stringify(expected)} are there`,
    )
  }
  return tookMs
}
