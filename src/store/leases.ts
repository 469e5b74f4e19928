import { eq, sql } from 'drizzle-orm'
import type { Engine, PortKind } from '../core/types.ts'
import { prepared } from './prepared.ts'
import { portLeases } from './schema.ts'
import type { Db } from './store.ts'

/** A port that an engine holds. No two leases have the same scope and port. */
export interface Lease {
  readonly scope: string
  readonly port: number
  readonly kind: PortKind
  readonly engineId: string
}

const fields = {
  scope: portLeases.scope,
  port: portLeases.port,
  kind: portLeases.kind,
  engineId: portLeases.engineId,
}
const all = prepared((db) => db.select(fields).from(portLeases).prepare())
const inScope = prepared((db) =>
  db
    .select(fields)
    .from(portLeases)
    .where(eq(portLeases.scope, sql.placeholder('scope')))
    .prepare(),
)

/** All leases, or those of one scope. */
export const leasesIn = (db: Db, scope?: string): Lease[] =>
  scope === undefined ? all(db).all() : inScope(db).all({ scope })

/** Takes a port. Throws SQLITE_CONSTRAINT_UNIQUE if the port is held. */
export const takeLease = (tx: Db, lease: Lease, nowMs: number): void => {
  tx.insert(portLeases)
    .values({ ...lease, leasedAt: nowMs })
    .run()
}

/** Takes a port if no engine holds it. Returns whether the port was taken. */
export const tryLease = (tx: Db, lease: Lease, nowMs: number): boolean =>
  tx
    .insert(portLeases)
    .values({ ...lease, leasedAt: nowMs })
    .onConflictDoNothing()
    .returning()
    .all().length > 0

export const releaseLeases = (tx: Db, engineId: string): void => {
  tx.delete(portLeases).where(eq(portLeases.engineId, engineId)).run()
}

/**
 * The ports that an engine holds in its scope: on the host the published ports and the peer-to-peer port, or all its ports in
 * a node's network.
 */
export function leasesOf(engine: Engine): Lease[] {
  const { id: engineId, scope, vpnNode } = engine
  const held: readonly (readonly [PortKind, number | null])[] =
    vpnNode === null
      ? [
          ['http', engine.hostHttpPort],
          ['https', engine.hostHttpsPort],
          ['p2p', engine.p2pPort],
        ]
      : [
          ['http', engine.httpPort],
          ['https', engine.httpsPort],
          ['api', engine.apiPort],
          ['p2p', engine.p2pPort],
        ]
  return held.flatMap(([kind, port]) =>
    port === null || port === 0 ? [] : [{ scope, port, kind, engineId }],
  )
}
