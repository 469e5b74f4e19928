/** One example for each operation: its request body, if it has one, and its response. A test holds it to its schema. */
export interface Example {
  readonly request?: unknown
  readonly response: unknown
}

const CONTAINER_ID = '3f9d1c0b6a5e4d7c8b9a0f1e2d3c4b5a69788796a5b4c3d2e1f0a9b8c7d6e5f4'
const CONTENT_ID = 'dd1e67078381739d14beca697356ab76d49d1a2d'
const SESSION_ID = '0b8a53fd4fee4c0a93e01ab7cfb01bd05eb4e0ba'
const URLS = {
  stat_url: `http://127.0.0.1:19000/ace/stat/${CONTENT_ID}/${SESSION_ID}`,
  command_url: `http://127.0.0.1:19000/ace/cmd/${CONTENT_ID}/${SESSION_ID}`,
}

const labels = {
  'ondemand.app': 'myservice',
  'roundhouse.engine': '6b1f8f0e-5d0c-4c5e-9a65-3b8f0f0f5a11',
  'acestream.http_port': '19000',
  'acestream.https_port': '14000',
  'host.http_port': '19000',
  'acestream.p2p_port': '8700',
}

const figures = {
  peers: 4,
  speed_down: 1522,
  speed_up: 158,
  downloaded: 458358784,
  uploaded: 47579136,
  livepos: { pos: 1795608300, live_first: 1795606500, live_last: 1795608302, buffer_pieces: 15 },
}

const stream = {
  id: `${CONTENT_ID}|${SESSION_ID}`,
  key_type: 'content_id',
  key: CONTENT_ID,
  container_id: CONTAINER_ID,
  playback_session_id: SESSION_ID,
  ...URLS,
  is_live: true,
  started_at: '2026-11-23T12:00:12.000Z',
  ended_at: null,
  status: 'started',
  end_reason: null,
  record: 42,
  stalled_since: null,
  ...figures,
  stats_at: '2026-11-23T12:05:00.000Z',
}

const endedStream = (endReason: string) => ({
  ...stream,
  status: 'ended',
  ended_at: '2026-11-23T13:40:00.000Z',
  end_reason: endReason,
})

const engine = {
  container_id: CONTAINER_ID,
  container_name: 'acestream-1',
  host: '127.0.0.1',
  port: 19000,
  labels,
  forwarded: false,
  vpn_container: null,
  host_name: 'local',
  first_seen: '2026-11-23T12:00:00.000Z',
  last_seen: '2026-11-23T12:05:00.000Z',
  streams: [stream.id],
  health_status: 'healthy',
  plays_nothing_since: null,
  last_health_check: '2026-11-23T12:05:00.000Z',
  last_stream_usage: '2026-11-23T12:00:12.000Z',
  expected_until: null,
  last_cache_cleanup: null,
  cache_size_bytes: null,
  status: 'ready',
  listed: true,
  reason: null,
}

const engineUse = {
  container_id: CONTAINER_ID,
  container_name: 'acestream-1',
  collected_at: '2026-11-23T12:05:00.000Z',
  cpu: { cores: 0.25, limit_cores: 1, share: 0.25 },
  memory: { bytes: 157_286_400, limit_bytes: 536_870_912, share: 0.293 },
}

const entry = {
  id: 128,
  at: '2026-11-23T12:00:12.000Z',
  kind: 'stream.started',
  engine_id: '6b1f8f0e-5d0c-4c5e-9a65-3b8f0f0f5a11',
  container_id: CONTAINER_ID,
  container_name: 'acestream-1',
  stream_id: stream.id,
  detail: { key: CONTENT_ID, host: '127.0.0.1', port: 19000 },
}

const exit = { public_ip: '203.0.113.7', country: 'Exampleland', region: 'Region', city: 'Townsville' }

const breaker = {
  state: 'closed',
  failure_count: 0,
  failure_threshold: 5,
  last_failure_time: '2026-11-23T11:58:30.000Z',
  last_success_time: '2026-11-23T12:00:06.000Z',
  next_try: null,
  trial_engine_id: null,
  recovery_timeout: 300,
  last_faults: [
    {
      at: '2026-11-23T11:58:30.000Z',
      engine_id: '2c0c6a4b-0c1e-4f8e-8f52-0b1a3c0f9d10',
      container_name: 'acestream-7',
      reason: 'its container exited with code 1 before it gave a good answer',
    },
  ],
}

/** The examples, by operation id. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  provisionEngine: {
    request: { labels: {}, env: {} },
    response: {
      container_id: CONTAINER_ID,
      container_name: 'acestream-1',
      host_http_port: 19000,
      container_http_port: 19000,
      container_https_port: 14000,
    },
  },
  provisionContainer: {
    request: {
      image: 'busybox:latest',
      env: { MODE: 'demo' },
      ports: { '80/tcp': 8080 },
      name_prefix: 'svc',
    },
    response: { container_id: CONTAINER_ID, container_name: 'svc-6b1f8f0e' },
  },
  listEngines: { response: [engine] },
  getEngine: { response: { engine, streams: [stream] } },
  listEngineStats: { response: [engineUse] },
  getEngineStats: {
    response: {
      ...engineUse,
      network: {
        received_bytes: 734_003_200,
        sent_bytes: 104_857_600,
        received_per_second: 950_000,
        sent_per_second: 120_000,
      },
      block_io: { read_bytes: 20_971_520, written_bytes: 734_003_200 },
    },
  },
  drainEngine: {
    response: {
      engine: { ...engine, status: 'draining', listed: false, reason: 'it is draining' },
      streams: [stream],
    },
  },
  getPlan: {
    response: {
      wanted: 2,
      expected: 0,
      serving: 1,
      busy: 1,
      actions: [
        {
          action: 'provision',
          rule: 'below_wanted',
          reason: '2 engines are wanted and 1 are there',
          engine_id: null,
          container_id: null,
          container_name: null,
        },
      ],
      waits: [],
      next_look: null,
      override: {
        min_replicas: 1,
        scaled_to: 2,
        at: '2026-11-23T12:00:00.000Z',
        message: 'MIN_REPLICAS=1, overridden by /scale/2 on 2026-11-23 12:00 UTC',
      },
    },
  },
  scale: { response: { scaled_to: 5, requested: 5 } },
  unscale: { response: { updated: true, min_replicas: 1 } },
  collectGarbage: {
    response: { status: 'ok', containers: 3, adopted: 0, reaped: 1, finished: 0, undone: 0, gone: 0 },
  },
  listStreams: { response: [stream] },
  getStream: { response: stream },
  stopStream: {
    response: { updated: true, session: 'stopped', stream: endedStream('stopped_by_operator') },
  },
  getStreamStats: { response: [{ ts: '2026-11-23T12:05:00.000Z', ...figures, status: 'dl' }] },
  streamStarted: {
    request: {
      engine: { host: '127.0.0.1', port: 19000 },
      stream: { key_type: 'content_id', key: CONTENT_ID },
      session: { playback_session_id: SESSION_ID, ...URLS, is_live: 1 },
      labels: { stream_id: stream.id },
    },
    response: stream,
  },
  streamEnded: {
    request: { stream_id: stream.id, reason: 'client_disconnected' },
    response: { updated: true, stream: endedStream('client_disconnected') },
  },
  listEvents: { response: { events: [entry], next: null } },
  streamEvents: {
    response: `retry: 2000\n\nid: 128\nevent: journal\ndata: ${JSON.stringify(entry)}\n\n: heartbeat\n\n`,
  },
  getContainer: {
    response: {
      id: CONTAINER_ID,
      name: 'acestream-1',
      image: 'ghcr.io/krinkuto11/acestream-http-proxy:latest',
      created: '2026-11-23T12:00:00.000Z',
      status: 'running',
      labels,
      ports: [{ container_port: 19000, host_port: 19000, protocol: 'tcp' }],
    },
  },
  getContainerLogs: {
    response:
      '2026-11-23T12:00:01.000000000Z AceStream engine 3.2.3 started\n2026-11-23T12:00:03.500000000Z listening on 19000\n',
  },
  deleteContainer: { response: { deleted: CONTAINER_ID } },
  listByLabel: { response: [{ id: CONTAINER_ID, name: 'acestream-1', status: 'running', labels }] },
  getStatus: {
    response: {
      status: 'healthy',
      engines: { total: 3, running: 3, healthy: 2, unhealthy: 1 },
      streams: { active: 5, total: 10 },
      capacity: { total: 3, used: 5, available: -2, max_replicas: 10, min_replicas: 1 },
      vpn: { enabled: false, connected: false, health: 'unknown', container: null, forwarded_port: null },
      provisioning: {
        can_provision: true,
        circuit_breaker_state: 'closed',
        last_failure: null,
        last_failure_reason: null,
        blocked_reason: null,
        blocked_reason_details: null,
      },
      config: {
        auto_delete: false,
        grace_period_s: 30,
        target_image: 'ghcr.io/krinkuto11/acestream-http-proxy:latest',
      },
      image: { state: 'present', pull_error: null, pull: null },
      hosts: [],
      proxies: {
        last_heard: '2026-11-23T12:04:58.000Z',
        heard: [
          {
            address: '172.18.0.3',
            container: 'acexy',
            networks: ['media'],
            last_heard: '2026-11-23T12:04:58.000Z',
          },
        ],
      },
      warnings: [
        {
          code: 'events_refused',
          message:
            '403 for POST /events/stream_started from 172.18.0.3: wrong key; its streams are not booked',
          since: '2026-11-23T12:04:00.000Z',
          remedy: 'give that proxy the key of API_KEY (ACEXY_ORCH_APIKEY of acexy)',
        },
      ],
      timestamp: '2026-11-23T12:05:00.000Z',
      version: '0.2.0',
    },
  },
  getVpnStatus: {
    response: {
      enabled: true,
      status: 'running',
      container_name: 'gluetun',
      container: 'gluetun',
      health: 'healthy',
      connected: true,
      forwarded_port: 51_413,
      forwarded_ports: [51_413],
      last_check: '2026-11-23T12:05:00.000Z',
      last_check_at: '2026-11-23T12:05:00.000Z',
      check_interval_s: 5,
      ...exit,
      nodes: [
        {
          container: 'gluetun',
          state: 'up',
          connected: true,
          since: '2026-11-23T12:00:00.000Z',
          reason: null,
          status: 'running',
          health: 'healthy',
          docker_health: 'healthy',
          docker_health_text: null,
          control: 'gluetun',
          vpn_status: 'running',
          control_problem: null,
          forwarded_port: 51_413,
          forwarded_ports: [51_413],
          no_port_since: null,
          unpublished_ports: [],
          ...exit,
          engines: 3,
          last_check: '2026-11-23T12:05:00.000Z',
          last_control_check: '2026-11-23T12:05:00.000Z',
          last_port_check: '2026-11-23T12:05:00.000Z',
          streams_moved: '2026-11-23T12:04:59.000Z',
          engines_say: { connected: 3, asked: 3, last_heard: '2026-11-23T12:04:58.000Z' },
        },
      ],
    },
  },
  getHealth: {
    response: {
      total_engines: 1,
      healthy_engines: 1,
      unhealthy_engines: 0,
      marked_for_replacement: 0,
      minimum_required: 0,
      health_check_interval: 20,
      circuit_breakers: {
        general: breaker,
        replacement: {
          ...breaker,
          failure_threshold: 3,
          recovery_timeout: 180,
          last_success_time: null,
          last_faults: [],
        },
      },
      engines: [
        {
          container_id: CONTAINER_ID,
          container_name: 'acestream-1',
          status: 'ready',
          health_status: 'healthy',
          since: '2026-11-23T12:00:06.000Z',
          last_check: '2026-11-23T12:05:00.000Z',
          consecutive_failures: 0,
          last_error: null,
          connected: null,
        },
      ],
    },
  },
  resetBreakers: { response: { message: 'Circuit breaker reset: general, replacement' } },
  getMetrics: {
    response:
      '# HELP orch_streams_active Streams that are started now.\n# TYPE orch_streams_active gauge\norch_streams_active 1\n',
  },
  isAlive: { response: { status: 'ok' } },
  isReady: { response: { status: 'ready', reason: null } },
}
