import { eq, sql } from 'drizzle-orm'
import type { Engine, PortKind } from '../core/types.ts'
import { prepared } from './prepared.ts'
import { portLeases } from './schema.ts'
import type { Db } from './store.ts'

/** A port that one engine holds; no two rows share scope and port. */
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

/** Takes a port; throws (SQLITE_CONSTRAINT_UNIQUE) when it is held. */
export const takeLease = (tx: Db, lease: Lease, nowMs: number): void => {
  tx.insert(portLeases)
    .values({ ...lease, leasedAt: nowMs })
    .run()
}

/** Takes a port unless another engine holds it; true when it is ours now. */
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

/** The ports that an engine holds in its scope: those published on the host, or all that it has in a node's network. */
export function leasesOf(engine: Engine): Lease[] {
  const { id: engineId, scope, vpnNode } = engine
  const held: readonly (readonly [PortKind, number | null])[] =
    vpnNode === null
      ? [
          ['http', engine.hostHttpPort],
          ['https', engine.hostHttpsPort],
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
