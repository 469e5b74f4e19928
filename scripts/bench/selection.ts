import { join } from 'node:path'
import type { TestServer } from '../../tests/support/server.ts'
import { endStream, type ListedEngine, startStream } from './fleet.ts'
import type { Bench } from './harness.ts'
import { KeepAliveConnection } from './keep-alive-connection.ts'
import { spawnServer } from './throughput.ts'

const WARM_UP = 100
/** Of fewer selections a handful decides the p99: those that met a collection of garbage. */
const SELECTIONS = 1_000
const ENDED_STREAMS = 200

/**
 * Milliseconds of selections: with unchanged books, of a bare server with the same answers in turn with these, and right
 * after one stream has started and another has ended.
 */
export interface SelectionTimes {
  readonly calm: readonly number[]
  readonly bare: readonly number[]
  readonly afterEvents: readonly number[]
}

/**
 * Times the questions that acexy asks before every viewer: the engines, then the started streams of each, one after the
 * other on one connection. Every second engine has a stream meanwhile, which `play` starts and which has to last, and the
 * books also contain some hundred ended streams.
 */
export async function measureSelections(
  bench: Bench,
  server: TestServer,
  engines: readonly ListedEngine[],
  play: (engine: ListedEngine) => Promise<unknown>,
): Promise<SelectionTimes> {
  const [first] = engines
  if (first === undefined) throw new Error('there is no engine to select')
  for (let n = 0; n < ENDED_STREAMS; n++) await endStream(server, await startStream(server, first))
  const busy = engines.filter((_, index) => index % 2 === 1)
  for (const engine of busy) await play(engine)

  const connection = await KeepAliveConnection.open(server.url)
  const bareConnection = await KeepAliveConnection.open(await bareSelections(bench, server, engines))
  try {
    const ids = idsOf(engines)
    const selectFrom = (from: KeepAliveConnection) => selection(from, { ids, streams: busy.length })
    const calm: number[] = []
    const bare: number[] = []
    for (let n = -WARM_UP; n < SELECTIONS; n++) {
      const [ours, theirs] = [await selectFrom(connection), await selectFrom(bareConnection)]
      if (n < 0) continue
      calm.push(ours)
      bare.push(theirs)
    }
    const afterEvents = await selectionsAfterEvents(server, first, () => selectFrom(connection))
    return { calm, bare, afterEvents }
  } finally {
    for (const each of [connection, bareConnection]) each.close()
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

/** The ids of engines, as a selection wants them. */
export const idsOf = (engines: readonly ListedEngine[]): ReadonlySet<string> =>
  new Set(engines.map(({ container_id }) => container_id))

/** Starts a bare server that answers selections of these engines as our server does now. Returns its origin. */
export async function bareSelections(
  bench: Pick<Bench, 'defer'>,
  server: TestServer,
  engines: readonly ListedEngine[],
): Promise<string> {
  const paths = ['/engines', ...engines.map(({ container_id }) => startedPath(container_id))]
  const texts: Record<string, string> = {}
  for (const path of paths) texts[path] = await (await fetch(`${server.url}${path}`)).text()
  const file = join(server.folder, 'raw-answers.json')
  await Bun.write(file, JSON.stringify(texts))
  return (await spawnServer(bench, 'raw Bun.serve, same answers', ['raw-answers.ts', file])).url
}

const startedPath = (containerId: string): string => `/streams?container_id=${containerId}&status=started`

/**
 * Times one selection: the list, then the started streams of these engines. Others may be listed, and are not asked about.
 * Throws if the answers are wrong, because a fast wrong answer is not a good figure.
 */
export async function selection(
  connection: KeepAliveConnection,
  { ids, streams }: { readonly ids: ReadonlySet<string>; readonly streams: number },
): Promise<number> {
  const startedMs = performance.now()
  const engines: readonly ListedEngine[] = JSON.parse(String(await connection.get('/engines')))
  const asked = engines.filter(({ container_id }) => ids.has(container_id))
  let found = 0
  for (const { container_id } of asked) {
    const started: readonly unknown[] = JSON.parse(String(await connection.get(startedPath(container_id))))
    found += started.length
  }
  const tookMs = performance.now() - startedMs
  if (asked.length !== ids.size || found !== streams)
    throw new Error(`${asked.length} of ${ids.size} engines and ${found} of ${streams} streams are listed`)
  return tookMs
}
