/**
 * Every setting with its kind, default and meaning. This is the only source for parsing, types, `--help` and
 * `--print-config`.
 */
import { type StaticDecode, Type } from '@sinclair/typebox'
import { recipeNames } from '../core/engines/recipe-choice.ts'
import { capability, capabilityOrAll } from './capabilities.ts'
import { fixedPorts } from './fixed-ports.ts'
import * as format from './formats.ts'
import * as kind from './kinds.ts'
import { tmpfs, volumes } from './mounts.ts'
import { settingsOf } from './schema.ts'
import { constraint } from './swarm-constraints.ts'
import { command, environment, labels } from './templates.ts'

const server = settingsOf('Server')
const docker = settingsOf('Docker')
const engines = settingsOf('Engines')
const ports = settingsOf('Ports')
const provisioning = settingsOf('Provisioning')
const scaling = settingsOf('Scaling')
const health = settingsOf('Health')
const streams = settingsOf('Streams')
const vpn = settingsOf('VPN')
const swarm = settingsOf('Swarm')

const count = kind.integer({ min: 1 })
const countOrZero = kind.integer({ min: 0 })

/** The schema of the whole configuration: it decodes texts to values. The names are those of the environment variables. */
export const configSchema = Type.Object({
  APP_PORT: server(kind.port, '8000', 'Port that the API, Swagger UI and the panel are served on.'),
  BIND: server(
    format.hostAddress,
    '0.0.0.0',
    'Address to listen on. With neither a key nor ALLOW_NO_KEY the default is 127.0.0.1, and only a loopback address is accepted.',
  ),
  API_KEY: server(
    kind.list(format.apiKey),
    '',
    'Bearer token for everything that changes something, or several separated by commas, of which each is accepted.',
    { secret: 'whole' },
  ),
  API_KEY_FILE: server(
    kind.optional(format.filePath),
    '',
    'File to read API_KEY from, one key per line or separated by commas.',
  ),
  ALLOW_NO_KEY: server(
    kind.boolean,
    'false',
    'Whether others than this machine may use the API though there is no API_KEY.',
  ),
  API_KEY_PROTECT_READS: server(
    kind.boolean,
    'false',
    'Whether reads need API_KEY too: all but /orchestrator/status, /healthz, /readyz and the API document.',
  ),
  ALLOWED_HOSTS: server(
    kind.list(format.hostName),
    '',
    'Names that requests may ask for us by, beside IP addresses, localhost, and names without a dot.',
  ),
  DB_URL: server(format.sqliteUrl, 'sqlite:///./orchestrator.db', 'SQLite database that holds the state.'),
  LOG_FORMAT: server(
    kind.choice('auto', 'text', 'json'),
    'auto',
    'Form of the log: lines of text for people, one JSON object per line, or auto: text at a terminal and JSON elsewhere.',
  ),
  LOG_LEVEL: server(
    kind.choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'Least severe log lines to write.',
  ),

  DOCKER_HOST: docker(
    kind.optional(format.dockerHost),
    '',
    'Docker Engine to use; without it /var/run/docker.sock.',
  ),
  DOCKER_TLS_VERIFY: docker(
    kind.boolean,
    'false',
    'Whether DOCKER_HOST with tcp:// is reached with TLS; its certificate is always checked.',
  ),
  DOCKER_CERT_PATH: docker(
    kind.optional(format.folderPath),
    '',
    'Folder of ca.pem, cert.pem and key.pem for TLS. With tcp://host:2376 it is enough to set this.',
  ),
  DOCKER_CONFIG: docker(
    kind.optional(format.folderPath),
    '',
    "Folder of Docker's config.json, whose logins to registries the nodes of a swarm use; without it .docker in the home folder.",
  ),
  DOCKER_NETWORK: docker(
    kind.optional(format.networkName),
    '',
    "Network that engines without a VPN join; without it Docker's default bridge. auto is the user-defined network of the container that this runs in; of several the one that leads outside, otherwise the first by name.",
  ),
  ENGINE_RUNTIME: docker(
    kind.choice('docker', 'swarm'),
    'docker',
    'What runs the engines: one Docker Engine, or the Docker Swarm that DOCKER_HOST is a manager of.',
  ),
  CONTAINER_LABEL: docker(
    format.label,
    'ondemand.app=myservice',
    'Label of every container of this installation; two installations on one Docker need two of them.',
  ),
  TAKE_OVER: docker(
    kind.choice('auto', 'never'),
    'auto',
    'Whether a new database takes over, at its first start, what runs with this label for another installation.',
  ),

  TARGET_IMAGE: engines(
    format.imageReference,
    'ghcr.io/krinkuto11/acestream-http-proxy:latest',
    'Image of the engines; never pulled inside a request.',
  ),
  ALLOWED_IMAGES: engines(
    kind.list(format.imageReference),
    '',
    'Images beside TARGET_IMAGE that requests may name while there is no API_KEY; with a key they may name any.',
  ),
  PULL: engines(
    kind.choice('never', 'missing', 'always'),
    'never',
    'When TARGET_IMAGE is pulled, in the background: never, where it is missing, or always, which finds new versions too.',
  ),
  ENGINE_RECIPE: engines(
    { ...kind.choice('auto', 'none', ...recipeNames()), type: 'auto|none|name' },
    'auto',
    'Recipe that says which command and variables an image gets: auto for the one of its name, none for ENGINE_CMD and ENGINE_ENV alone.',
  ),
  ENGINE_ENV: engines(
    environment,
    '',
    'More variables of an engine, over those of the recipe; {http_port} {https_port} {api_port} {p2p_port} {cache_gb} {cache_bytes} are filled in.',
    { secret: 'parts' },
  ),
  ENGINE_CMD: engines(
    kind.optional(command),
    '',
    'Command of an engine instead of that of the recipe, with the same placeholders as ENGINE_ENV; words with an empty one are left out.',
    { secret: 'parts' },
  ),
  ENGINE_LABELS: engines(labels, '', 'More labels of the containers of engines; those of a request win.', {
    secret: 'parts',
  }),
  ENGINE_VOLUMES: engines(
    volumes,
    '',
    'Volumes and folders of the host that an engine gets, with the same placeholders.',
  ),
  ENGINE_TMPFS: engines(
    tmpfs,
    '',
    'Folders of an engine that are in memory, such as that of its cache; the options may have the same placeholders.',
  ),
  ENGINE_SHM_SIZE: engines(
    kind.optional(format.folderBytes),
    '',
    'Size of /dev/shm in an engine; without it that of Docker (64m).',
  ),
  ENGINE_DNS: engines(
    kind.list(format.ipAddress),
    '',
    'Name servers of engines; without effect behind a VPN, where Gluetun is the name server and Docker accepts no other.',
  ),
  ENGINE_SECURITY_OPT: engines(
    kind.list(format.securityOption),
    '',
    'Security options of engines beside no-new-privileges.',
  ),
  ENGINE_HEALTHCHECK: engines(
    kind.choice('none', 'image'),
    'none',
    "Docker's own check of an engine: none, or the one of its image, which mostly asks port 6878 and so fails.",
  ),
  ENGINE_MEMORY_LIMIT: engines(
    kind.optional(format.memoryBytes),
    '',
    'Most memory that one engine may use; without it no limit.',
  ),
  ENGINE_CPUS: engines(
    kind.optional(kind.decimal({ min: 0.01, unit: 'cores' })),
    '',
    'Most processor time that one engine may use; without it no limit.',
  ),
  ENGINE_PIDS_LIMIT: engines(
    kind.integer({ min: 16, max: 4_194_304 }),
    '1024',
    'Most processes and threads at a time in one engine, or one other container of ours.',
  ),
  ENGINE_CAP_DROP: engines(
    kind.list(capabilityOrAll),
    '',
    'Linux capabilities that an engine does without, of those that Docker gives; ALL for all of them.',
  ),
  ENGINE_CAP_ADD: engines(
    kind.list(capability),
    '',
    'Linux capabilities that an engine has beside those that Docker gives and ENGINE_CAP_DROP leaves.',
  ),
  ENGINE_CACHE_LIMIT: engines(
    kind.integer({ min: 1, unit: 'GB' }),
    '1',
    'Most disk that the cache of one engine may use.',
  ),
  ENGINE_CACHE_PATH: engines(
    kind.optional(format.cachePath),
    '',
    'Folder in an engine that is emptied when it falls idle; without it the one of the recipe.',
  ),
  ENGINE_ADVERTISE: engines(
    kind.choice('auto', 'container', 'host', 'ip'),
    'auto',
    'Address of an engine that proxies are told: container name, host and published port, or container IP.',
  ),
  ADVERTISE_HOST: engines(
    format.hostAddress,
    '127.0.0.1',
    'Host that proxies are told for published ports (ENGINE_ADVERTISE host, or auto without a network).',
  ),

  PORT_RANGE_HOST: ports(
    format.portRange,
    '19000-19999',
    'Ports of engines without a VPN, the same inside and outside the container.',
  ),
  PUBLISH_ADDRESS: ports(
    kind.optional(format.publishAddress),
    '',
    'Address of the Docker host that ports of engines are published on. Not set: the address that proxies are told where it is a loopback one (see ADVERTISE_HOST), and all addresses elsewhere.',
  ),
  ACE_HTTP_RANGE: ports(
    format.portRange,
    '40000-44999',
    'Accepted without effect: an HTTP port comes from PORT_RANGE_HOST, or GLUETUN_PORT_RANGE behind a VPN.',
    { inert: true },
  ),
  ACE_HTTPS_RANGE: ports(
    format.portRange,
    '14000-18999',
    'HTTPS ports of engines; better outside the range of outgoing connections (on Linux 32768-60999).',
  ),
  ACE_API_RANGE: ports(
    format.portRange,
    '62100-62999',
    'API ports of engines that share the network of a VPN.',
  ),
  ACE_P2P_RANGE: ports(
    format.portRange,
    '8700-9599',
    'Peer-to-peer ports of engines, behind a VPN where none is forwarded.',
  ),
  PUBLISH_P2P: ports(
    kind.boolean,
    'false',
    'Whether peer-to-peer ports are published on the host, TCP and UDP, so that peers reach engines; without effect behind a VPN.',
  ),
  ACE_MAP_HTTPS: ports(kind.boolean, 'false', 'Whether HTTPS ports are published on the host too.'),

  PROVISION_DEADLINE_MS: provisioning(
    kind.integer({ min: 1, max: 240_000, unit: 'ms' }),
    '2500',
    'Time within which a provision is answered, whatever happens; acexy gives up after 3000 ms.',
  ),
  PROVISION_ERROR_DETAIL: provisioning(
    kind.choice('auto', 'object', 'text'),
    'auto',
    'Form of the detail of a refusal: object for acexy of today, text for that of October 2025; auto is object except for the sentence about the VPN, of which acexy of today makes 90 s of waiting.',
  ),
  VIEWER_WAIT_S: provisioning(
    kind.integer({ min: 3, max: 300, unit: 's' }),
    '12',
    'Longest time that acexy, which tries three times, is made to wait between its tries; each answer may take PROVISION_DEADLINE_MS besides.',
  ),
  UNCLAIMED_TTL_S: provisioning(
    kind.seconds,
    '15',
    'Time for which an engine whose answer reached nobody is kept for the same request.',
  ),
  STARTUP_TIMEOUT_S: provisioning(
    kind.seconds,
    '90',
    'Time from the start of an engine to its first good answer, after which it has failed.',
  ),
  MAX_CONCURRENT_PROVISIONS: provisioning(
    count,
    '5',
    "Engines that the reconciler's own starts make at a time.",
  ),
  MIN_PROVISION_INTERVAL_S: provisioning(
    kind.secondsOrZero,
    '0',
    "Least time between two of the reconciler's own starts.",
  ),
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: provisioning(
    count,
    '5',
    'Engines in a row that failed before they were ready, after which provisioning pauses.',
  ),
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: provisioning(
    kind.wholeSeconds,
    '300',
    'Pause after which one trial is let through.',
  ),
  CIRCUIT_BREAKER_REPLACEMENT_THRESHOLD: provisioning(
    count,
    '3',
    'The same threshold for engines that replace unhealthy ones.',
  ),
  CIRCUIT_BREAKER_REPLACEMENT_TIMEOUT_S: provisioning(
    kind.wholeSeconds,
    '180',
    'The same pause for engines that replace unhealthy ones.',
  ),

  MIN_REPLICAS: scaling(countOrZero, '0', 'Engines to keep, busy or not.'),
  MIN_FREE_REPLICAS: scaling(countOrZero, '0', 'Free engines to keep beside the busy ones.'),
  MAX_REPLICAS: scaling(count, '20', 'Most engines at a time, draining ones included.'),
  MAX_GENERIC: scaling(
    countOrZero,
    '20',
    'Most containers at a time that are no engines, made by POST /provision.',
  ),
  MAX_STREAMS_PER_ENGINE: scaling(
    count,
    '1',
    "Streams at which an engine is no longer free; must equal acexy's ACEXY_MAX_STREAMS_PER_ENGINE.",
  ),
  AUTO_DELETE: scaling(kind.boolean, 'false', 'Whether idle engines beyond the wanted number are removed.'),
  ENGINE_GRACE_PERIOD_S: scaling(
    kind.wholeSeconds,
    '30',
    'Time for which an engine is idle before AUTO_DELETE removes it.',
  ),
  DRAIN_HIDE_S: scaling(
    kind.seconds,
    '30',
    'Time for which an engine is hidden before it is stopped, since a proxy may just have chosen it.',
  ),
  MONITOR_INTERVAL_S: scaling(kind.seconds, '10', 'Longest time between two full passes of the reconciler.'),
  AUTOSCALE_INTERVAL_S: scaling(
    kind.seconds,
    '30',
    'Accepted without effect: MONITOR_INTERVAL_S is the time between passes.',
    { inert: true },
  ),

  HEALTH_CHECK_INTERVAL_S: health(kind.seconds, '20', 'Time within which every engine is probed once.'),
  HEALTH_FAILURE_THRESHOLD: health(
    count,
    '3',
    'Failed probes in a row that make an engine unhealthy, and good ones that make it healthy again.',
  ),
  HEALTH_UNHEALTHY_GRACE_PERIOD_S: health(
    kind.seconds,
    '60',
    'Time for which an unhealthy engine with started streams is kept.',
  ),
  HEALTH_REPLACEMENT_COOLDOWN_S: health(kind.seconds, '60', 'Least time between two replacements.'),

  COLLECT_INTERVAL_S: streams(kind.seconds, '5', 'Time between two looks at the statistics of a stream.'),
  STATS_HISTORY_MAX: streams(count, '720', 'Statistics kept for one stream; the oldest go first.'),

  SWARM_CONSTRAINTS: swarm(
    kind.list(constraint),
    '',
    'Conditions that a node has to meet to get engines, as Docker writes them, such as node.role==worker or node.labels.disk!=slow.',
  ),
  SWARM_MAX_PER_NODE: swarm(
    kind.optional(count),
    '',
    'Most engines on one node; without it only MAX_REPLICAS is a limit.',
  ),
  SWARM_PUBLISH: swarm(
    kind.choice('host', 'ingress'),
    'host',
    "Where an engine's port is published: on its own node, whose address proxies are told; or by ingress on all nodes, which pass connections on.",
  ),
  SWARM_POST_NODE: swarm(
    kind.optional(format.containerName),
    '',
    'Node, by its name or id, of the engines that a POST asks for: the one that acexy runs on, since it looks for them at localhost.',
  ),

  GLUETUN_CONTAINER_NAME: vpn(
    kind.list(format.containerName),
    '',
    'Gluetun containers that engines join, separated by commas; without it there is no VPN.',
  ),
  GLUETUN_PORT_RANGE: vpn(
    kind.list(format.portRange),
    '19000-19019',
    'HTTP ports of engines behind the VPN, published by Gluetun: one range per container, in their order.',
  ),
  VPN_CONTROL: vpn(
    kind.choice('gluetun', 'none'),
    'gluetun',
    'Whether these containers are Gluetun, with its control server; with none Docker and the engines alone tell whether a VPN is up.',
  ),
  GLUETUN_API_PORT: vpn(kind.port, '8000', "Port of Gluetun's control server."),
  GLUETUN_API_KEY: vpn(
    kind.optional(format.apiKey),
    '',
    "Key of Gluetun's control server (its role with auth = apikey).",
    { secret: 'whole' },
  ),
  GLUETUN_API_KEY_FILE: vpn(kind.optional(format.filePath), '', 'File to read GLUETUN_API_KEY from.'),
  GLUETUN_API_USER: vpn(
    kind.optional(format.anyText),
    '',
    "User of Gluetun's control server (its role with auth = basic).",
  ),
  GLUETUN_API_PASSWORD: vpn(kind.optional(format.password), '', 'Password of GLUETUN_API_USER.', {
    secret: 'whole',
  }),
  GLUETUN_API_PASSWORD_FILE: vpn(
    kind.optional(format.filePath),
    '',
    'File to read GLUETUN_API_PASSWORD from.',
  ),
  GLUETUN_HEALTH_CHECK_INTERVAL_S: vpn(kind.seconds, '5', 'Time between two looks at a Gluetun container.'),
  GLUETUN_FIXED_PORTS: vpn(
    fixedPorts,
    '',
    "Ports that the provider forwards for good, by container; they count whatever Gluetun's control server tells.",
  ),
  GLUETUN_PORT_CACHE_TTL_S: vpn(kind.seconds, '60', 'Time for which a forwarded port is believed.'),
  MAX_ACTIVE_REPLICAS: vpn(
    count,
    '20',
    'Accepted without effect: GLUETUN_PORT_RANGE says which ports there are behind the VPN.',
    { inert: true },
  ),
  VPN_STRICT: vpn(
    kind.boolean,
    'true',
    'Whether an engine with a network of its own is stopped, whoever watches; false lets its streams go on.',
  ),
  VPN_STABLE_S: vpn(kind.seconds, '5', 'Time for which nothing may be wrong before a VPN counts as up.'),
  VPN_RECONNECT_GRACE_S: vpn(
    kind.seconds,
    '10',
    'Time that engines get to answer by themselves after a reconnect before they are restarted.',
  ),
  VPN_RESTART_ENGINES_ON_RECONNECT: vpn(
    kind.boolean,
    'true',
    'Whether engines are restarted to reconnect, or to try a tunnel; one whose network is gone is repaired in any case.',
  ),
})

/** The parsed configuration, keyed by the names of the variables. */
export type Config = Readonly<StaticDecode<typeof configSchema>>

export type SettingName = keyof Config
