import type { Engine } from '../../src/core/types.ts'
import { insertEngine, liveEngines } from '../../src/store/engines.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { insertStream } from '../../src/store/streams.ts'
import { engine, stream } from '../../tests/support/builders.ts'

const FIRST_PORT = 19_000
const FIRST_HTTPS_PORT = 45_000

/**
 * Fills a database with engines that have no containers but look ready and running. An orchestrator that cannot reach Docker
 * believes these rows: unreachable means unknown, never gone.
 */
export function fillWithEngines(databasePath: string, size: number, image: string): void {
  const store = openStore(databasePath)
  try {
    insertEngines(store, size, image)
  } finally {
    store.close()
  }
}

/** Like `fillWithEngines`, for a store that is open. */
export function insertEngines(store: Store, size: number, image: string): void {
  store.transact((tx) => {
    for (let index = 0; index < size; index++) insertEngine(tx, readyEngine(index, image))
  })
}

function readyEngine(index: number, image: string): Engine {
  const now = Date.now()
  const id = crypto.randomUUID()
  const httpPort = FIRST_PORT + index
  const httpsPort = FIRST_HTTPS_PORT + index
  return engine({
    id,
    name: `acestream-${index + 1}`,
    containerId: id.replaceAll('-', '').repeat(2),
    image,
    httpPort,
    httpsPort,
    hostHttpPort: httpPort,
    labels: {
      'roundhouse.engine': id,
      'roundhouse.config': '0'.repeat(32),
      'acestream.http_port': String(httpPort),
      'acestream.https_port': String(httpsPort),
      'host.http_port': String(httpPort),
    },
    createdAt: now,
    containerStartedAt: now,
    readyAt: now,
    handedOutAt: now,
  })
}

/** Fills a database with started streams on its engines, the same number on each, or one more. */
export function fillWithStreams(databasePath: string, size: number): void {
  const store = openStore(databasePath)
  try {
    store.transact((tx) => {
      const engines = liveEngines(tx)
      for (let index = 0; index < size; index++) {
        const { id: engineId, containerId, httpPort } = engines[index % engines.length] ?? engine()
        const session = `session-${index}`
        const url = (kind: string): string => `http://127.0.0.1:${httpPort}/ace/${kind}/a/${session}`
        insertStream(
          tx,
          stream({
            ...{ engineId, containerId, playbackSessionId: session },
            ...{ key: `key-${index}`, streamId: `key-${index}|${session}` },
            ...{ statUrl: url('stat'), commandUrl: url('cmd'), startedAt: Date.now() },
          }),
        )
      }
    })
  } finally {
    store.close()
  }
}
