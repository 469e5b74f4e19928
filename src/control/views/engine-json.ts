import { usedMs } from '../../core/proxies/choice.ts'
import { shownValues } from '../../core/secrets.ts'
import type { Engine, Stream } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Addresses } from '../engines/addresses.ts'
import type { Facts } from '../facts/facts.ts'
import type { Listings } from '../proxies/listings.ts'
import { iso, isoOrNull } from './iso.ts'

/** What the only host of a Docker Engine is called. */
const ONE_HOST = 'local'

export type EngineView = ReturnType<typeof engineView>

/**
 * One engine with its started streams, in the form that proxies expect. Times are RFC 3339 in UTC, because acexy's decoder
 * rejects a time without a zone.
 */
export function engineView(
  engine: Engine,
  started: readonly Pick<Stream, 'streamId'>[],
  deps: {
    readonly facts: Facts
    readonly clock: Clock
    readonly addresses: Addresses
    readonly listings: Listings
  },
) {
  const { facts, clock, addresses, listings } = deps
  const { listed, reason } = listings.of(engine, started.length > 0)
  return {
    container_id: engine.containerId,
    container_name: engine.name,
    ...addresses.advertised(engine),
    labels: shownValues(engine.labels),
    forwarded: listings.isForwarded(engine),
    vpn_container: engine.vpnNode,
    host_name: engine.host?.name ?? ONE_HOST,
    first_seen: iso(engine.createdAt),
    last_seen: iso(facts.lastSeen(engine.id) ?? engine.containerStartedAt ?? engine.createdAt),
    streams: started.map(({ streamId }) => streamId),
    health_status: listings.shownHealth(engine),
    plays_nothing_since: isoOrNull(listings.playsNothingSinceMs(engine)),
    last_health_check: isoOrNull(facts.health(engine.id, clock.now()).lastProbeMs),
    last_stream_usage: isoOrNull(usedMs(engine)),
    expected_until: isoOrNull(listings.expectedOn(engine)?.untilMs ?? null),
    last_cache_cleanup: isoOrNull(engine.cacheCleanedAt),
    cache_size_bytes: engine.cacheSizeBytes,
    status: engine.status,
    listed,
    reason,
  }
}
