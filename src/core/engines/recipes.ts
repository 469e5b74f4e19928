import type { Recipe } from './recipe.ts'

/*
 * What each image reads, as its Dockerfile and its entrypoint say. Docker replaces the image's command (CMD) by ours, and never
 * its entrypoint. The first recipe that fits counts.
 */

/** Builds of http-proxy before September 2025 read the ports from `CONF` alone, and later ones from the other variables. */
const HTTP_PROXY = {
  HTTP_PORT: '{http_port}',
  HTTPS_PORT: '{https_port}',
  P2P_PORT: '{p2p_port}',
  BIND_ALL: 'true',
  INTERNAL_BUFFERING: '60',
  CACHE_LIMIT: '{cache_gb}',
  CONF: '--http-port={http_port}\n--https-port={https_port}\n--api-port={api_port}\n--port={p2p_port}\n--bind-all',
} as const

const BUILT_IN = { ...HTTP_PROXY, API_PORT: '{api_port}' } as const

const PORTS = [
  '--http-port={http_port}',
  '--https-port={https_port}',
  '--api-port={api_port}',
  '--port={p2p_port}',
] as const

const CONSOLE = ['--client-console', '--bind-all', ...PORTS, '--cache-limit={cache_gb}'] as const

const ALL_PORTS = ['http', 'https', 'api', 'p2p'] as const

/** What images get that no recipe knows: every variable that some image reads. */
export const VARIABLES: Recipe = {
  name: 'variables',
  images: [],
  unservable: null,
  architectures: [],
  command: null,
  env: BUILT_IN,
  ports: ALL_PORTS,
  cache: { path: null, bound: 'flag' },
  hasShell: true,
  note: 'For images that no other recipe is for. Many read no variable, and need ENGINE_CMD.',
}

export const RECIPES: readonly Recipe[] = [
  {
    name: 'http-proxy',
    images: [{ repository: 'krinkuto11/acestream-http-proxy' }],
    unservable: null,
    architectures: ['amd64'],
    command: null,
    env: HTTP_PROXY,
    ports: ['http', 'https', 'p2p'],
    cache: { path: '/home/appuser/.ACEStream/.acestream_cache', bound: 'flag' },
    hasShell: true,
    note: 'The API port is always 62062, so behind a VPN only one engine of a node has it. ENGINE_CMD has no effect.',
  },
  {
    name: 'martinbjeldbak',
    images: [{ repository: 'martinbjeldbak/acestream-http-proxy' }],
    unservable: null,
    architectures: ['amd64'],
    command: ['--bind-all', ...PORTS],
    env: {},
    ports: ALL_PORTS,
    cache: { path: null, bound: 'memory' },
    hasShell: true,
    note: 'Images from before August 2026 keep the cache on disk, without a limit.',
  },
  {
    name: 'jopsis-x64',
    images: [{ repository: 'jopsis/acestream', tags: ['x64*'] }],
    unservable: null,
    architectures: ['amd64'],
    command: null,
    env: { ACESTREAM_ARGS: CONSOLE.join(' ') },
    ports: ALL_PORTS,
    cache: { path: '/acestream/.ACEStream/.acestream_cache', bound: 'flag' },
    hasShell: true,
    note: '',
  },
  {
    name: 'aceserve',
    images: [
      { repository: 'jopsis/aceserve' },
      { repository: 'krinkuto11/aceserve' },
      { repository: 'krinkuto11/acestream' },
      { repository: 'jopsis/acestream' },
    ],
    unservable: null,
    architectures: ['amd64', 'arm64', 'arm'],
    command: [
      ...['python', 'main.py', '--bind-all', '--http-port={http_port}', '--api-port={api_port}'],
      ...['--port={p2p_port}', '--live-cache-type', 'memory', '--live-mem-cache-size', '104857600'],
      ...['--disable-sentry', '--log-stdout', '--disable-upnp'],
    ],
    env: {},
    ports: ['http', 'api', 'p2p'],
    cache: { path: null, bound: 'memory' },
    hasShell: true,
    note:
      'The engine of Android, also for ARM. 3.2.17 has trouble behind Gluetun (the images of krinkuto11 read DNS_OVERRIDE for ' +
      'that), and it does not start on kernels with pages of 16 kB. All engines have one device id.',
  },
  {
    name: 'nano-ace',
    images: [{ repository: 'krinkuto11/nano-ace' }],
    unservable: null,
    architectures: ['amd64'],
    command: ['/acestream/acestreamengine', ...CONSOLE],
    env: {},
    ports: ALL_PORTS,
    cache: { path: '/acestream/.ACEStream/.acestream_cache', bound: 'flag' },
    hasShell: false,
    note: 'The image has no shell, so its cache cannot be emptied, and without a VPN viewers are found by traffic alone.',
  },
  {
    name: 'start-engine',
    images: [{ repository: 'wafy80/acestream' }],
    unservable: null,
    architectures: ['amd64'],
    command: CONSOLE,
    env: {},
    ports: ALL_PORTS,
    cache: { path: '/srv/ace/.ACEStream/cache', bound: 'flag' },
    hasShell: true,
    note: '',
  },
  {
    name: 'engine-arguments',
    images: [
      { repository: 'blaiseio/acelink' },
      { repository: 'magnetikonline/acestream-server' },
      { repository: 'jackwzh/acestream-server' },
      { repository: 'jackwzh/acestream-server-new' },
    ],
    unservable: null,
    architectures: ['amd64'],
    command: CONSOLE,
    env: {},
    ports: ALL_PORTS,
    cache: { path: '/root/.ACEStream/.acestream_cache', bound: 'flag' },
    hasShell: true,
    note: 'As start-engine, but the engine runs as root.',
  },
  {
    name: 'vstavrinov',
    images: [{ repository: 'vstavrinov/acestream-engine' }],
    unservable: null,
    architectures: ['amd64'],
    // Newer images expect this folder, which their own command makes.
    command: [
      'sh',
      '-c',
      `mkdir -p /dev/shm/.ACEStream; exec ./start-engine --client-console --bind-all ${PORTS.join(' ')} --live-cache-type memory`,
    ],
    env: {},
    ports: ALL_PORTS,
    cache: { path: null, bound: 'memory' },
    hasShell: true,
    note: '',
  },
  {
    name: 'trexx',
    images: [{ repository: 'trexx/docker-acestream-engine' }],
    unservable: null,
    architectures: ['amd64'],
    command: ['/app/start-engine', ...CONSOLE],
    env: {},
    ports: ALL_PORTS,
    cache: { path: '/root/.ACEStream/.acestream_cache', bound: 'flag' },
    hasShell: true,
    note: 'Old images, whose entrypoint is start-engine itself, need ENGINE_RECIPE=engine-arguments.',
  },
  {
    name: 'pabsi',
    images: [{ repository: 'pabsi/acestream-server' }],
    unservable: null,
    architectures: ['amd64'],
    command: ['/acestream/start-engine', ...CONSOLE],
    env: {},
    ports: ALL_PORTS,
    cache: { path: '/root/.ACEStream/.acestream_cache', bound: 'flag' },
    hasShell: true,
    note: 'An engine of 2017 (3.1.16).',
  },
  {
    name: 'ubuntu-home',
    images: [{ repository: 'smarquezp/docker-acestream-ubuntu-home' }],
    unservable: null,
    architectures: ['amd64'],
    command: null,
    // Newer images end at once if the HTTPS port is another, and read the flags; older ones do neither.
    env: {
      HTTP_PORT: '{http_port}',
      HTTPS_PORT: '{http_port+1}',
      INTERNAL_IP: '127.0.0.1',
      ACESTREAM_EXTRA_FLAGS: '--api-port={api_port} --port={p2p_port} --cache-limit={cache_gb}',
    },
    ports: ['http'],
    cache: { path: '/root/.ACEStream/.acestream_cache', bound: 'none' },
    hasShell: true,
    note:
      'The HTTPS port is the one after the HTTP port, so engines behind a VPN clash. Older images set no peer-to-peer and API ' +
      'port, and no limit of the cache.',
  },
  {
    name: 'arm-conf',
    images: [
      { repository: 'futebas/acestream-engine-arm' },
      { repository: 'danielchc/acestream-arm' },
      { repository: 'trananhtuan/acestream-armv7' },
    ],
    unservable:
      'it takes its ports from a mounted acestream.conf alone, so its engines cannot have ports of their own',
    architectures: ['arm', 'arm64'],
    command: null,
    env: BUILT_IN,
    ports: [],
    cache: { path: null, bound: 'none' },
    hasShell: true,
    note: 'On ARM take jopsis/aceserve.',
  },
  {
    name: 'acestream-engine',
    images: [{ repository: 'acestream/engine' }],
    unservable:
      'no image of this name is known: it is a placeholder in the settings of an older orchestrator',
    architectures: [],
    command: null,
    env: BUILT_IN,
    ports: [],
    cache: { path: null, bound: 'none' },
    hasShell: true,
    note: 'Take ghcr.io/krinkuto11/acestream-http-proxy:latest.',
  },
  VARIABLES,
]
