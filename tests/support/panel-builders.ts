import type { Engine, Health, JournalEntry, Status, Stream, Vpn } from '../../src/panel/api/types.ts'

/** When everything happens in the tests of the page. */
export const NOW_MS = Date.parse('2026-11-28T20:00:00.000Z')
export const agoText = (ms: number): string => new Date(NOW_MS - ms).toISOString()

/** A free engine, as the API shows it. */
export const anEngine = (name: string, change: Partial<Engine> = {}): Engine => ({
  container_id: `id-${name}`,
  container_name: name,
  host: '127.0.0.1',
  port: 19_000,
  labels: {},
  forwarded: false,
  vpn_container: null,
  host_name: 'local',
  first_seen: agoText(600_000),
  last_seen: agoText(1_000),
  streams: [],
  health_status: 'healthy',
  plays_nothing_since: null,
  last_health_check: agoText(1_000),
  last_stream_usage: null,
  expected_until: null,
  last_cache_cleanup: null,
  cache_size_bytes: null,
  status: 'ready',
  listed: true,
  reason: null,
  ...change,
})

/** A stream that plays. */
export const aStream = (id: string, change: Partial<Stream> = {}): Stream => ({
  id,
  key_type: 'infohash',
  key: 'c'.repeat(40),
  container_id: 'id-a',
  playback_session_id: 's',
  stat_url: 'http://127.0.0.1:19000/stat',
  command_url: 'http://127.0.0.1:19000/cmd',
  is_live: true,
  started_at: agoText(60_000),
  ended_at: null,
  status: 'started',
  end_reason: null,
  record: 1,
  stalled_since: null,
  peers: 7,
  speed_down: 381,
  speed_up: 20,
  downloaded: 1_000_000,
  uploaded: 1_000,
  livepos: null,
  stats_at: agoText(1_000),
  ...change,
})

export const anEntry = (change: Partial<JournalEntry> = {}): JournalEntry => ({
  id: 1,
  at: agoText(1_000),
  kind: 'engine.ready',
  engine_id: 'e',
  container_id: 'id-a',
  container_name: 'a',
  stream_id: null,
  detail: {},
  ...change,
})

/** A fleet of at most ten engines that can start more, and that a proxy has asked. */
export const aStatus = (change: Partial<Status> = {}): Status => ({
  status: 'healthy',
  engines: { total: 0, running: 0, healthy: 0, unhealthy: 0 },
  streams: { active: 0, total: 0 },
  capacity: { total: 0, used: 0, available: 0, max_replicas: 10, min_replicas: 0 },
  vpn: { enabled: false, connected: false, health: 'unknown', container: null, forwarded_port: null },
  provisioning: {
    can_provision: true,
    circuit_breaker_state: 'closed',
    last_failure: null,
    last_failure_reason: null,
    blocked_reason: null,
    blocked_reason_details: null,
  },
  config: { auto_delete: false, grace_period_s: 30, target_image: 'engine:1' },
  image: { state: 'present', pull_error: null, pull: null },
  hosts: [],
  proxies: { last_heard: agoText(2_000), heard: [] },
  warnings: [],
  timestamp: new Date(NOW_MS).toISOString(),
  version: '0.0.0',
  ...change,
})

export const aVpn = (change: Partial<Vpn> = {}): Vpn => ({
  enabled: false,
  status: 'disabled',
  container_name: null,
  container: null,
  health: 'unknown',
  connected: false,
  forwarded_port: null,
  forwarded_ports: [],
  last_check: null,
  last_check_at: null,
  check_interval_s: 5,
  public_ip: null,
  country: null,
  region: null,
  city: null,
  nodes: [],
  ...change,
})

/** A node of the VPN that is up by all its sources, which were asked a second ago. */
export const aVpnNode = (
  container: string,
  change: Partial<Vpn['nodes'][number]> = {},
): Vpn['nodes'][number] => ({
  container,
  state: 'up',
  connected: true,
  since: agoText(600_000),
  reason: null,
  status: 'running',
  health: 'healthy',
  docker_health: 'healthy',
  docker_health_text: null,
  vpn_status: 'running',
  control_problem: null,
  forwarded_port: 51_413,
  forwarded_ports: [51_413],
  no_port_since: null,
  unpublished_ports: [],
  public_ip: '203.0.113.7',
  country: null,
  region: null,
  city: null,
  engines: 2,
  last_check: agoText(1_000),
  last_control_check: agoText(2_000),
  last_port_check: agoText(2_000),
  control: 'gluetun',
  streams_moved: null,
  engines_say: { connected: 2, asked: 2, last_heard: agoText(3_000) },
  ...change,
})

/** A closed breaker without failures. */
export const aBreaker = (
  change: Partial<Health['circuit_breakers']['general']> = {},
): Health['circuit_breakers']['general'] => ({
  state: 'closed',
  failure_count: 0,
  failure_threshold: 5,
  last_failure_time: null,
  last_success_time: null,
  next_try: null,
  trial_engine_id: null,
  recovery_timeout: 60,
  last_faults: [],
  ...change,
})
