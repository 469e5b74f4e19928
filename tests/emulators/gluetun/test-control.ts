import { FaultError } from '../engine/fault-rules.ts'
import type { FaultStore } from '../engine/fault-store.ts'
import type { CallBook } from './call-book.ts'
import type { Faults } from './faults.ts'
import type { Gluetun } from './gluetun.ts'
import type { Address } from './settings.ts'

/** The parts that the test control port reads and changes. */
export interface TestControlTarget {
  readonly gluetun: Gluetun
  readonly board: FaultStore<Faults>
  readonly calls: CallBook
}

/**
 * Opens the control port for tests, which no fault affects: `GET|POST|DELETE /faults`, `GET /state`, `GET /calls`, and `GET
 * /tunnel` for the engines in the same namespace. It uses JSON. Invalid input is answered with 400 and `{"error": "<field>:
 * …"}`. Returns a function that closes it.
 *
 * @throws {Error} if the port is taken.
 */
export function openTestControl({ host, port }: Address, target: TestControlTarget): () => Promise<void> {
  const { gluetun, board, calls } = target
  const server = Bun.serve({
    hostname: host,
    port,
    routes: {
      '/faults': {
        GET: () => Response.json(board.faults),
        POST: (request) => setFaults(request, board),
        DELETE: () => {
          board.clear()
          return Response.json(board.faults)
        },
      },
      '/state': { GET: () => Response.json(state(target)) },
      '/tunnel': { GET: () => Response.json({ up: gluetun.tunnel.passes }) },
      '/calls': { GET: () => Response.json(calls.counts) },
    },
    fetch: () => Response.json({ error: 'no such route' }, { status: 404 }),
  })
  return () => server.stop(true)
}

async function setFaults(request: Request, board: FaultStore<Faults>): Promise<Response> {
  try {
    board.set(await request.json())
    return Response.json(board.faults)
  } catch (error) {
    if (error instanceof FaultError) return Response.json({ error: error.message }, { status: 400 })
    if (error instanceof SyntaxError) return Response.json({ error: 'body: not JSON' }, { status: 400 })
    throw error
  }
}

/** The present state of a Gluetun, with the faults that affect what it reports. */
function state({ gluetun, board }: TestControlTarget) {
  return {
    dialect: gluetun.settings.dialect.name,
    status: gluetun.status,
    public_ip: gluetun.publicIp,
    ports: gluetun.ports,
    health_error: gluetun.healthError,
    tunnel_up: gluetun.tunnel.passes,
    restarts: gluetun.restarts,
    faults: board.faults,
  }
}

/**
 * The answer of `GET /state`. `ports` is null before anything was known about them; `restarts` counts those of the health
 * checks.
 */
export type GluetunState = ReturnType<typeof state>
