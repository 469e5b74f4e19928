import { FaultError } from '../engine/fault-rules.ts'
import type { FaultStore } from '../engine/fault-store.ts'
import type { CallBook } from './call-book.ts'
import type { Faults } from './faults.ts'
import type { Gluetun } from './gluetun.ts'
import type { Address } from './settings.ts'

/** What the test control port works on. */
export interface TestControlTarget {
  readonly gluetun: Gluetun
  readonly board: FaultStore<Faults>
  readonly calls: CallBook
}

/**
 * Opens the port of the tests' own controls, which no fault touches: `GET|POST|DELETE /faults`, `GET /state`,
 * `GET /calls`, and `GET /tunnel` for the engines of the same namespace. JSON in and out; a bad input is answered with
 * 400 and `{"error": "<field>: …"}`. Gives back what closes it.
 *
 * @throws {Error} when the port is taken.
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

/** What a Gluetun is at the moment, with the faults that touch what it says. */
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

/** `GET /state`: `ports` is null before there was anything to know, `restarts` counts those of the health checks. */
export type GluetunState = ReturnType<typeof state>
