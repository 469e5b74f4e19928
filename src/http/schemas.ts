import { type TSchema, Type } from '@sinclair/typebox'

/*
 * The shapes of requests and answers, with the names of the API contract. They use `Type.*` and not Elysia's coercing `t.*`,
 * so that an integer is only an integer, as acexy's decoder requires.
 */

export const Nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' })
const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
const Count = Type.Integer({ minimum: 0 })
const StringMap = Type.Record(Type.String(), Type.String())
const HealthStatus = Type.Union([Type.Literal('healthy'), Type.Literal('unhealthy'), Type.Literal('unknown')])
const EngineStatus = Type.Union([
  Type.Literal('provisioning'),
  Type.Literal('starting'),
  Type.Literal('ready'),
  Type.Literal('draining'),
  Type.Literal('gone'),
  Type.Literal('failed'),
])

export const EngineState = Type.Object({
  container_id: Nullable(Type.String()),
  container_name: Nullable(Type.String()),
  host: Type.String(),
  port: Port,
  labels: StringMap,
  forwarded: Type.Boolean(),
  vpn_container: Nullable(Type.String()),
  first_seen: Time,
  last_seen: Time,
  streams: Type.Array(Type.String()),
  health_status: HealthStatus,
  plays_nothing_since: Nullable(
    Type.String({
      format: 'date-time',
      description: 'Since when it is known to answer and to play nothing, though others play',
    }),
  ),
  last_health_check: Nullable(Time),
  last_stream_usage: Nullable(Time),
  expected_until: Nullable(
    Type.String({
      format: 'date-time',
      description:
        'Until when a stream is expected that is not reported yet: a proxy chose the engine, or was given it. Meanwhile the list for proxies names it last, with a later last_stream_usage',
    }),
  ),
  last_cache_cleanup: Nullable(Time),
  cache_size_bytes: Nullable(Count),
  status: EngineStatus,
  listed: Type.Boolean(),
  reason: Nullable(Type.String()),
})

/** What the engine last said about the transfer; null for what it did not say. */
const figures = {
  peers: Nullable(Count),
  speed_down: Nullable(Type.Integer({ minimum: 0, description: 'KB/s' })),
  speed_up: Nullable(Type.Integer({ minimum: 0, description: 'KB/s' })),
  downloaded: Nullable(Type.Integer({ minimum: 0, description: 'Bytes since the session began' })),
  uploaded: Nullable(Type.Integer({ minimum: 0, description: 'Bytes since the session began' })),
  livepos: Nullable(
    Type.Object(
      {
        pos: Nullable(Count),
        live_first: Nullable(Count),
        live_last: Nullable(Count),
        buffer_pieces: Nullable(Count),
      },
      { description: 'What is played of a live stream, and the window, in Unix seconds' },
    ),
  ),
}

export const StreamState = Type.Object({
  id: Type.String(),
  key_type: Type.String(),
  key: Type.String(),
  container_id: Nullable(Type.String()),
  playback_session_id: Type.String(),
  stat_url: Type.String(),
  command_url: Type.String(),
  is_live: Type.Boolean(),
  started_at: Time,
  ended_at: Nullable(Time),
  status: Type.Union([Type.Literal('started'), Type.Literal('ended')]),
  end_reason: Nullable(Type.String()),
  record: Type.Integer({ minimum: 1, description: 'Number of the record; an id may have several' }),
  stalled_since: Nullable(Time),
  ...figures,
  stats_at: Nullable(Time),
})

export const StreamSample = Type.Object({
  ts: Time,
  ...figures,
  status: Nullable(Type.String({ description: "The engine's own word" })),
})

export const JournalEntry = Type.Object({
  id: Type.Integer({ minimum: 1 }),
  at: Time,
  kind: Type.String(),
  engine_id: Nullable(Type.String()),
  container_id: Nullable(
    Type.String({ description: "Its engine's container now, as long as that is known" }),
  ),
  container_name: Nullable(Type.String()),
  stream_id: Nullable(Type.String()),
  detail: Type.Record(Type.String(), Type.Unknown()),
})

export const JournalPage = Type.Object(
  {
    events: Type.Array(JournalEntry),
    next: Nullable(Type.String({ description: 'The `cursor` of the next page; null on the last one' })),
  },
  { description: 'Entries, newest first' },
)

export const EngineProvisioned = Type.Object({
  container_id: Type.String(),
  container_name: Type.String(),
  host_http_port: Port,
  container_http_port: Port,
  container_https_port: Port,
})

export const Container = Type.Object({
  id: Type.String(),
  name: Type.String(),
  image: Type.String(),
  created: Time,
  status: Type.String(),
  labels: StringMap,
  ports: Type.Array(Type.Object({ container_port: Port, host_port: Port, protocol: Type.String() })),
})

const RefusalDetails = Type.Object({
  code: Type.String(),
  message: Type.String(),
  recovery_eta_seconds: Nullable(Type.Integer()),
  should_wait: Type.Boolean(),
  can_retry: Type.Boolean(),
})

const BreakerState = Type.Union([Type.Literal('closed'), Type.Literal('open'), Type.Literal('half_open')])

export const OrchestratorStatus = Type.Object({
  status: Type.Union([Type.Literal('healthy'), Type.Literal('degraded'), Type.Literal('unavailable')]),
  engines: Type.Object({ total: Count, running: Count, healthy: Count, unhealthy: Count }),
  streams: Type.Object({ active: Count, total: Count }),
  capacity: Type.Object({
    total: Count,
    used: Count,
    available: Type.Integer(),
    max_replicas: Count,
    min_replicas: Count,
  }),
  vpn: Type.Object({
    enabled: Type.Boolean(),
    connected: Type.Boolean(),
    health: Type.String(),
    container: Nullable(Type.String()),
    forwarded_port: Nullable(Port),
    nodes: Type.Optional(
      Type.Array(
        Type.Object({
          container: Type.String(),
          connected: Type.Boolean(),
          health: Type.String(),
          forwarded_port: Nullable(Port),
          reason: Nullable(Type.String()),
        }),
        { description: 'Each of several' },
      ),
    ),
  }),
  provisioning: Type.Object({
    can_provision: Type.Boolean(),
    circuit_breaker_state: BreakerState,
    last_failure: Nullable(Time),
    last_failure_reason: Nullable(Type.String({ description: 'Why that engine failed, and what to do' })),
    blocked_reason: Nullable(Type.String()),
    blocked_reason_details: Nullable(RefusalDetails),
  }),
  config: Type.Object({
    auto_delete: Type.Boolean(),
    grace_period_s: Type.Number(),
    target_image: Type.String(),
  }),
  warnings: Type.Array(
    Type.Object({ code: Type.String(), message: Type.String(), since: Time, remedy: Type.String() }),
    { description: 'All that users should be told' },
  ),
  timestamp: Time,
  version: Type.String(),
})

/** An action of a plan, as the API shows it. */
const PlannedAction = Type.Object({
  action: Type.Union([
    Type.Literal('provision'),
    Type.Literal('replace'),
    Type.Literal('make_room'),
    Type.Literal('drain'),
    Type.Literal('recall'),
    Type.Literal('stop'),
    Type.Literal('fail'),
    Type.Literal('revive'),
    Type.Literal('restart'),
    Type.Literal('recreate'),
    Type.Literal('halt'),
  ]),
  rule: Type.String(),
  reason: Type.String(),
  engine_id: Nullable(Type.String()),
  container_id: Nullable(Type.String()),
  container_name: Nullable(Type.String()),
})

export const PlanReport = Type.Object({
  wanted: Count,
  serving: Count,
  busy: Count,
  expected: Type.Integer({
    minimum: 0,
    description: 'Engines on which a stream is expected that is not reported yet',
  }),
  actions: Type.Array(PlannedAction),
  waits: Type.Array(Type.String({ description: 'Why something that is wanted is not done now' })),
  next_look: Nullable(Time),
})

/** Where the exit of a VPN is, as far as Gluetun knows. */
const exit = {
  public_ip: Nullable(Type.String()),
  country: Nullable(Type.String()),
  region: Nullable(Type.String()),
  city: Nullable(Type.String()),
}

const VpnHealth = Type.Union(
  [Type.Literal('healthy'), Type.Literal('unhealthy'), Type.Literal('starting'), Type.Literal('unknown')],
  { description: 'The verdict on it, in the words of a health check' },
)

const VpnNode = Type.Object({
  container: Type.String(),
  state: Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Literal('unknown')]),
  connected: Type.Boolean(),
  since: Nullable(Time),
  reason: Nullable(Type.String({ description: 'Why it is not up' })),
  status: Type.String({ description: "The state of its container, 'missing' or 'unknown'" }),
  health: VpnHealth,
  docker_health: Nullable(Type.String({ description: "Docker's health check of it; null without one" })),
  docker_health_text: Nullable(Type.String()),
  vpn_status: Nullable(Type.String({ description: "Gluetun's own word on its VPN" })),
  control_problem: Nullable(
    Type.String({ description: 'What its control server does not tell, and the remedy' }),
  ),
  forwarded_port: Nullable(Port),
  ...exit,
  engines: Count,
  last_check: Nullable(Time),
  last_control_check: Nullable(Time),
})

export const VpnStatus = Type.Object({
  enabled: Type.Boolean(),
  status: Type.String(),
  container_name: Nullable(Type.String()),
  container: Nullable(Type.String()),
  health: VpnHealth,
  connected: Type.Boolean(),
  forwarded_port: Nullable(Port),
  last_check: Nullable(Time),
  last_check_at: Nullable(Time),
  ...exit,
  error: Type.Optional(Type.String()),
  nodes: Type.Array(VpnNode),
})

const Breaker = Type.Object({
  state: BreakerState,
  failure_count: Count,
  failure_threshold: Count,
  last_failure_time: Nullable(Time),
  last_success_time: Nullable(Time),
  recovery_timeout: Type.Number(),
})

export const HealthStatusReport = Type.Object({
  total_engines: Count,
  healthy_engines: Count,
  unhealthy_engines: Count,
  marked_for_replacement: Count,
  minimum_required: Count,
  health_check_interval: Type.Number(),
  circuit_breakers: Type.Object({ general: Breaker, replacement: Breaker }),
  engines: Type.Array(
    Type.Object({
      container_id: Nullable(Type.String()),
      container_name: Type.String(),
      status: EngineStatus,
      health_status: HealthStatus,
      since: Nullable(Time),
      last_check: Nullable(Time),
      consecutive_failures: Count,
      last_error: Nullable(Type.String()),
      connected: Nullable(Type.Boolean({ description: 'What it says of its connection to the outside' })),
    }),
  ),
})

/** A host port that a caller may ask for. Lower ports are left to the host's own services. */
export const RequestPort = Type.Integer({ minimum: 1_024, maximum: 65_535 })
