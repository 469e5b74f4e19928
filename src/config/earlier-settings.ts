/**
 * The settings of acestream-orchestrator, versions 1.x and 2.x, that there are not here. Those that are here by the same name
 * are not in this table, and neither is what everybody sets, such as TZ.
 */

/** A setting of the earlier orchestrator. */
export interface EarlierSetting {
  readonly name: string
  /** What to do instead, or why there is nothing to do; the end of a sentence. */
  readonly remedy: string
  /** Whether other programs have a variable of this name, so that it shows nothing by itself. */
  readonly isCommon: boolean
}

/** A row for each name. `common` has the names that other programs use as well. */
const rows = (remedy: string, certain: string, common = ''): readonly EarlierSetting[] => [
  ...words(certain).map((name) => ({ name, remedy, isCommon: false })),
  ...words(common).map((name) => ({ name, remedy, isCommon: true })),
]

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '')

/** The table, in the order of the document. */
export const EARLIER_SETTINGS: readonly EarlierSetting[] = [
  ...rows('set TARGET_IMAGE to the image of that variant', 'ENGINE_VARIANT'),
  ...rows('give TARGET_IMAGE that tag', 'ENGINE_ARM32_VERSION ENGINE_ARM64_VERSION'),
  ...rows('set MAX_STREAMS_PER_ENGINE, which has to be the same', 'ACEXY_MAX_STREAMS_PER_ENGINE'),
  ...rows(
    'leave it out, since every name in GLUETUN_CONTAINER_NAME is a node of its own',
    'GLUETUN_CONTAINER_NAME_2 VPN_MODE',
  ),
  ...rows(
    'leave it out, since GLUETUN_PORT_RANGE has one range for each node',
    'GLUETUN_PORT_RANGE_1 GLUETUN_PORT_RANGE_2',
  ),
  ...rows(
    'leave it out, since GLUETUN_CONTAINER_NAME alone says whether there is a VPN',
    'DYNAMIC_VPN_MANAGEMENT',
    'VPN_ENABLED',
  ),
  ...rows(
    'leave it out, since Gluetun heals itself and is never restarted from here',
    `VPN_UNHEALTHY_RESTART_TIMEOUT_S VPN_UNHEALTHY_GRACE_PERIOD_S VPN_NOTREADY_HEAL_GRACE_S VPN_CONTROLLER_INTERVAL_S
     VPN_DRAINING_HARD_TIMEOUT_S VPN_DRAINING_CHECK_INTERVAL_S VPN_BLOCK_LOG_INTERVAL_S`,
  ),
  ...rows(
    'start Gluetun yourself, with its own settings, and name it in GLUETUN_CONTAINER_NAME',
    `VPN_CREDENTIALS_FILE VPN_SERVERS_JSON_DIR VPN_SERVERS_AUTO_REFRESH VPN_SERVERS_REFRESH_PERIOD_S
     VPN_SERVERS_REFRESH_SOURCE GLUETUN_SERVERS_JSON_PATH PROTON_SERVICE_URL PROTON_STORAGE_PATH PROTON_TOTP_CODE
     PROTON_TOTP_SECRET`,
    'VPN_IMAGE VPN_PROVIDER VPN_PROTOCOL VPN_REGIONS PROTON_USERNAME PROTON_PASSWORD',
  ),
  ...rows(
    'leave it out, since GLUETUN_PORT_RANGE limits how many engines a node has',
    'PREFERRED_ENGINES_PER_VPN MAX_ENGINES_PER_VPN',
  ),
  ...rows(
    'leave it out, since you choose the servers of the VPN in Gluetun',
    `REPUTATION_ENABLED REPUTATION_W_SUCCESS REPUTATION_W_TTFB REPUTATION_W_DURATION REPUTATION_LOW_CONF_PROBES
     REPUTATION_REFRESH_SECONDS REPUTATION_MAX_STALE_SECONDS REPUTATION_AUTO_QUARANTINE_N
     REPUTATION_AUTO_QUARANTINE_FOR REPUTATION_EXPLORATION_C REPUTATION_PICK_TOP_N`,
  ),
  ...rows('set ENGINE_GRACE_PERIOD_S, which counts with AUTO_DELETE=true', 'IDLE_TTL_S'),
  ...rows('set LOG_LEVEL=debug for more lines', 'DEBUG_MODE'),
  ...rows('leave it out, since the log goes to the standard output', '', 'DEBUG_LOG_DIR'),
  ...rows('set DB_URL to another file than before', 'ACESTREAM_DB_PATH'),
  ...rows('set APP_PORT and BIND', 'PROXY_LISTEN_ADDR ORCHESTRATOR_LISTEN_ADDR'),
  ...rows(
    'give it to engines by ENGINE_CMD, as the flag of their image',
    'ENGINE_LIVE_CACHE_TYPE ENGINE_LIVE_BUFFER ENGINE_MAX_DOWNLOAD_RATE ENGINE_MAX_UPLOAD_RATE ACE_LIVE_EDGE_DELAY',
  ),
  ...rows(
    'set ENGINE_VOLUMES or ENGINE_TMPFS for the cache of engines',
    'ACESTREAM_CACHE_ROOT ACESTREAM_CACHE_MOUNT',
  ),
  ...rows(
    'leave it out, since acexy tells of its streams by itself',
    'ACEXY_ENABLED ACEXY_URL ACEXY_SYNC_INTERVAL_S',
  ),
  ...rows(
    'leave it out, since the state is in SQLite',
    'REDIS_CHUNK_TTL_S',
    'REDIS_HOST REDIS_PORT REDIS_DB',
  ),
  ...rows(
    'leave it out, since a stream ends when its proxy says so or its session is over',
    `STREAM_LOOP_DETECTION_ENABLED STREAM_LOOP_DETECTION_THRESHOLD_S STREAM_LOOP_CHECK_INTERVAL_S
     STREAM_LOOP_RETENTION_MINUTES INACTIVE_LIVEPOS_THRESHOLD_S INACTIVE_PREBUF_THRESHOLD_S
     INACTIVE_ZERO_SPEED_THRESHOLD_S INACTIVE_LOW_SPEED_THRESHOLD_KB INACTIVE_LOW_SPEED_THRESHOLD_S`,
  ),
  ...rows('leave it out, since no playlist is rewritten', 'M3U_TIMEOUT'),
  ...rows(
    'leave it out, since it is fixed here how much history is kept and when the page is told',
    `DASHBOARD_DEFAULT_WINDOW_S DASHBOARD_PERSIST_INTERVAL_S DASHBOARD_METRICS_RETENTION_HOURS STREAM_RETENTION_S
     SSE_UPDATE_INTERVAL_S COUNTS_PUBLISH_INTERVAL_S`,
  ),
  ...rows(
    'leave it out, since COLLECT_INTERVAL_S is all that there is to set about statistics',
    'LEGACY_STATS_PROBE_WORKERS PEER_COLLECTOR_ENABLED PEER_COLLECTOR_URL',
  ),
  ...rows(
    'leave it out, since all of Roundhouse is one process',
    'GO_CONTROL_PLANE_URL',
    'ORCHESTRATOR_URL STATIC_DIR',
  ),
  ...rows(
    'leave it out, since the proxy is acexy, with settings of its own',
    `PROXY_BUFFER_CHUNK_SIZE PROXY_BUFFER_TTL PROXY_CHUNK_SIZE PROXY_CHUNK_TIMEOUT PROXY_CLEANUP_CHECK_INTERVAL
     PROXY_CLEANUP_INTERVAL PROXY_CLIENT_TTL PROXY_CLIENT_WAIT_TIMEOUT PROXY_CONTROL_MODE
     PROXY_GHOST_CLIENT_MULTIPLIER PROXY_GRACE_PERIOD PROXY_HEARTBEAT_INTERVAL PROXY_INIT_TIMEOUT
     PROXY_INITIAL_BEHIND_CHUNKS PROXY_INITIAL_DATA_CHECK_INTERVAL PROXY_INITIAL_DATA_WAIT_TIMEOUT
     PROXY_KEEPALIVE_INTERVAL PROXY_LEGACY_API_LIVESEEK_SECONDS PROXY_LEGACY_API_PREFLIGHT_TIER
     PROXY_MAX_CATCHUP_MULTIPLIER PROXY_NO_DATA_CHECK_INTERVAL PROXY_NO_DATA_TIMEOUT_CHECKS PROXY_PREBUFFER_SECONDS
     PROXY_RETRY_WAIT_INTERVAL PROXY_STREAM_MODE PROXY_STREAM_TIMEOUT API_HLS_CLIENT_TTL API_HLS_LIST_SIZE
     API_HLS_SEGMENT_TIME_S API_HLS_SPLIT_BY_TIME CHANNEL_INIT_GRACE_PERIOD_S CHANNEL_SHUTDOWN_DELAY_S
     CLIENT_HEARTBEAT_INTERVAL_S CLIENT_RECORD_TTL_S INITIAL_BEHIND_CHUNKS INITIAL_DATA_CHECK_INTERVAL_MS
     INITIAL_DATA_WAIT_TIMEOUT_S NO_DATA_CHECK_INTERVAL_S NO_DATA_TIMEOUT_CHECKS PACING_BITRATE_MULTIPLIER
     PACING_BURST_SECONDS`,
    `PROXY_CONNECTION_TIMEOUT PROXY_HEALTH_CHECK_INTERVAL PROXY_MAX_RETRIES PROXY_MODE BUFFER_CHUNK_SIZE
     CHUNK_TIMEOUT_S CLEANUP_CHECK_INTERVAL_S CLEANUP_INTERVAL_S CLIENT_WAIT_TIMEOUT_S CONTROL_MODE
     HLS_BUFFER_READY_TIMEOUT HLS_BUFFER_READY_TIMEOUT_S HLS_CLIENT_IDLE_TIMEOUT_S HLS_FIRST_SEGMENT_TIMEOUT
     HLS_FIRST_SEGMENT_TIMEOUT_S HLS_INITIAL_BUFFER_SECONDS HLS_INITIAL_SEGMENTS HLS_MAX_INITIAL_SEGMENTS
     HLS_MAX_SEGMENTS HLS_SEGMENT_FETCH_INTERVAL HLS_WINDOW_SIZE KEEPALIVE_INTERVAL_MS MAX_CLIENTS_PER_STREAM
     MAX_MEMORY_MB MAX_RETRIES MAX_TOTAL_STREAMS RETRY_WAIT_INTERVAL_MS STREAM_MODE STREAM_TIMEOUT_S
     UPSTREAM_CONNECT_TIMEOUT_S UPSTREAM_READ_TIMEOUT_S`,
  ),
]
