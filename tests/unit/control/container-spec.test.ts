import { describe, expect, test } from 'bun:test'
import { loadConfig } from '../../../src/config/config.ts'
import { containerSpec } from '../../../src/control/engines/container-spec.ts'
import { engineLabels, plainRequest, templateHash } from '../../../src/control/engines/template.ts'
import type { Engine } from '../../../src/core/types.ts'
import { toCreateBody } from '../../../src/runtime/docker-observation.ts'
import { templateOf } from '../../../src/wire/settings.ts'
import { engine } from '../../support/builders.ts'

type Variables = Readonly<Record<string, string>>

function templateFrom(env: Variables) {
  const loaded = loadConfig(env, [])
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return templateOf(loaded.config, 'here')
}

const ports = { httpPort: 19_000, hostHttpPort: 19_000, httpsPort: 20_000, p2pPort: 8_700 }
const alone: Partial<Engine> = { ...ports, apiPort: null }
const behindVpn: Partial<Engine> = { ...ports, apiPort: 62_100, vpnNode: 'gluetun', scope: 'gluetun' }

/** The body of Docker's create call for an engine. */
function bodyOf(env: Variables, change: Partial<Engine> = alone) {
  const template = templateFrom(env)
  const row = engine({ image: template.image, ...change })
  const labelled = { ...row, labels: engineLabels(template, row) }
  return toCreateBody(containerSpec(template, labelled, template.network), { maxSize: '10m', maxFiles: 2 })
}

const sent = (env: Variables, change?: Partial<Engine>) => {
  const { Cmd = null, Env } = bodyOf(env, change)
  return { Cmd, Env }
}

const CONF = (flags: string) => `CONF=${flags.replaceAll(' ', '\n')}`
const CONSOLE = '--client-console --bind-all --http-port=19000 --https-port=20000'
const ANDROID = 'python main.py --bind-all --http-port=19000'
const IN_MEMORY =
  '--live-cache-type memory --live-mem-cache-size 104857600 --disable-sentry --log-stdout --disable-upnp'

/** What each image gets: a command as one text, or variables; without and behind a VPN. */
const GOLDEN: readonly [
  image: string,
  kind: 'Cmd' | 'Env',
  without: string | string[],
  behind: string | string[],
][] = [
  [
    'ghcr.io/krinkuto11/acestream-http-proxy:latest',
    'Env',
    [
      ...['HTTP_PORT=19000', 'HTTPS_PORT=20000', 'P2P_PORT=8700', 'BIND_ALL=true', 'INTERNAL_BUFFERING=60'],
      ...['CACHE_LIMIT=2', CONF('--http-port=19000 --https-port=20000 --port=8700 --bind-all')],
    ],
    [
      ...['HTTP_PORT=19000', 'HTTPS_PORT=20000', 'P2P_PORT=8700', 'BIND_ALL=true', 'INTERNAL_BUFFERING=60'],
      'CACHE_LIMIT=2',
      CONF('--http-port=19000 --https-port=20000 --api-port=62100 --port=8700 --bind-all'),
    ],
  ],
  [
    'martinbjeldbak/acestream-http-proxy',
    'Cmd',
    '--bind-all --http-port=19000 --https-port=20000 --port=8700',
    '--bind-all --http-port=19000 --https-port=20000 --api-port=62100 --port=8700',
  ],
  [
    'jopsis/acestream:x64',
    'Env',
    [`ACESTREAM_ARGS=${CONSOLE} --port=8700 --cache-limit=2`],
    [`ACESTREAM_ARGS=${CONSOLE} --api-port=62100 --port=8700 --cache-limit=2`],
  ],
  [
    'jopsis/aceserve',
    'Cmd',
    `${ANDROID} --port=8700 ${IN_MEMORY}`,
    `${ANDROID} --api-port=62100 --port=8700 ${IN_MEMORY}`,
  ],
  [
    'krinkuto11/acestream:latest-arm64',
    'Cmd',
    `${ANDROID} --port=8700 ${IN_MEMORY}`,
    `${ANDROID} --api-port=62100 --port=8700 ${IN_MEMORY}`,
  ],
  [
    'ghcr.io/krinkuto11/nano-ace',
    'Cmd',
    `/acestream/acestreamengine ${CONSOLE} --port=8700 --cache-limit=2`,
    `/acestream/acestreamengine ${CONSOLE} --api-port=62100 --port=8700 --cache-limit=2`,
  ],
  [
    'wafy80/acestream',
    'Cmd',
    `${CONSOLE} --port=8700 --cache-limit=2`,
    `${CONSOLE} --api-port=62100 --port=8700 --cache-limit=2`,
  ],
  [
    'blaiseio/acelink',
    'Cmd',
    `${CONSOLE} --port=8700 --cache-limit=2`,
    `${CONSOLE} --api-port=62100 --port=8700 --cache-limit=2`,
  ],
  [
    'magnetikonline/acestream-server',
    'Cmd',
    `${CONSOLE} --port=8700 --cache-limit=2`,
    `${CONSOLE} --api-port=62100 --port=8700 --cache-limit=2`,
  ],
  [
    'vstavrinov/acestream-engine',
    'Cmd',
    `sh -c mkdir -p /dev/shm/.ACEStream; exec ./start-engine ${CONSOLE} --port=8700 --live-cache-type memory`,
    `sh -c mkdir -p /dev/shm/.ACEStream; exec ./start-engine ${CONSOLE} --api-port=62100 --port=8700 --live-cache-type memory`,
  ],
  [
    'trexx/docker-acestream-engine',
    'Cmd',
    `/app/start-engine ${CONSOLE} --port=8700 --cache-limit=2`,
    `/app/start-engine ${CONSOLE} --api-port=62100 --port=8700 --cache-limit=2`,
  ],
  [
    'pabsi/acestream-server',
    'Cmd',
    `/acestream/start-engine ${CONSOLE} --port=8700 --cache-limit=2`,
    `/acestream/start-engine ${CONSOLE} --api-port=62100 --port=8700 --cache-limit=2`,
  ],
  [
    'smarquezp/docker-acestream-ubuntu-home',
    'Env',
    [
      ...['HTTP_PORT=19000', 'HTTPS_PORT=19001', 'INTERNAL_IP=127.0.0.1'],
      'ACESTREAM_EXTRA_FLAGS=--port=8700 --cache-limit=2',
    ],
    [
      ...['HTTP_PORT=19000', 'HTTPS_PORT=19001', 'INTERNAL_IP=127.0.0.1'],
      'ACESTREAM_EXTRA_FLAGS=--api-port=62100 --port=8700 --cache-limit=2',
    ],
  ],
  [
    'an/unknown-image',
    'Env',
    [
      ...['HTTP_PORT=19000', 'HTTPS_PORT=20000', 'P2P_PORT=8700', 'BIND_ALL=true', 'INTERNAL_BUFFERING=60'],
      ...['CACHE_LIMIT=2', CONF('--http-port=19000 --https-port=20000 --port=8700 --bind-all')],
    ],
    [
      ...['HTTP_PORT=19000', 'HTTPS_PORT=20000', 'P2P_PORT=8700', 'BIND_ALL=true', 'INTERNAL_BUFFERING=60'],
      'CACHE_LIMIT=2',
      CONF('--http-port=19000 --https-port=20000 --api-port=62100 --port=8700 --bind-all'),
      'API_PORT=62100',
    ],
  ],
]

describe('what an image is started with', () => {
  test.each(GOLDEN)('%s', (image, kind, without, behind) => {
    const settings = { TARGET_IMAGE: image, ENGINE_CACHE_LIMIT: '2' }
    const told = (change: Partial<Engine>) => {
      const { Cmd, Env } = sent(settings, change)
      if (kind === 'Env') return { Cmd, Env }
      return { Cmd: Cmd?.join(' '), Env }
    }
    const expected = (what: string | string[]) =>
      kind === 'Env' ? { Cmd: null, Env: what } : { Cmd: what, Env: [] }
    expect<unknown>(told(alone)).toEqual(expected(without))
    expect<unknown>(told(behindVpn)).toEqual(expected(behind))
  })

  test('is replaced by ENGINE_CMD, and variable by variable by ENGINE_ENV', () => {
    const image = { TARGET_IMAGE: 'jopsis/acestream:x64' }
    expect(sent({ ...image, ENGINE_CMD: 'run --port={p2p_port} --api-port={api_port}' })).toMatchObject({
      Cmd: ['run', '--port=8700'],
      Env: [expect.stringContaining('ACESTREAM_ARGS=')],
    })
    expect(sent({ ...image, ENGINE_ENV: 'ACESTREAM_ARGS=--x {http_port}\nNEW=1' })).toEqual({
      Cmd: null,
      Env: ['ACESTREAM_ARGS=--x 19000', 'NEW=1'],
    })
  })

  test('is nothing but ENGINE_CMD and ENGINE_ENV with ENGINE_RECIPE=none', () => {
    const settings = { TARGET_IMAGE: 'wafy80/acestream', ENGINE_RECIPE: 'none' }
    expect(sent(settings)).toEqual({ Cmd: null, Env: [] })
    expect(sent({ ...settings, ENGINE_CMD: 'x', ENGINE_ENV: 'A={http_port}' })).toEqual({
      Cmd: ['x'],
      Env: ['A=19000'],
    })
  })

  test('follows the recipe that is named, whatever the image, and else the image of the engine itself', () => {
    expect(sent({ TARGET_IMAGE: 'my/build', ENGINE_RECIPE: 'start-engine' }).Cmd).toContain(
      '--http-port=19000',
    )
    expect(sent({}, { ...alone, image: 'wafy80/acestream' }).Cmd).toContain('--http-port=19000')
  })
})

describe('the body of the create call', () => {
  test('has an init and no health check, unless that of the image is wanted', () => {
    expect(bodyOf({})).toMatchObject({ Healthcheck: { Test: ['NONE'] }, HostConfig: { Init: true } })
    expect(bodyOf({ ENGINE_HEALTHCHECK: 'image' })).not.toHaveProperty('Healthcheck')
  })

  test('has what the settings mount, with the placeholders filled in', () => {
    const env = {
      ENGINE_CACHE_LIMIT: '2',
      ENGINE_VOLUMES: 'ace-{http_port}:/ace, /etc/localtime:/etc/localtime:ro, api-{api_port}:/api',
      ENGINE_TMPFS: '/tmp /cache:size={cache_bytes},mode=1777',
      ENGINE_SHM_SIZE: '256m',
      ENGINE_SECURITY_OPT: 'seccomp=unconfined',
      ENGINE_DNS: '1.1.1.1,fe80::1',
    }
    const mounted = {
      Binds: ['ace-19000:/ace', '/etc/localtime:/etc/localtime:ro'],
      Tmpfs: { '/tmp': '', '/cache': 'size=2147483648,mode=1777' },
      ShmSize: 256 * 1024 ** 2,
      SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
    }
    expect(bodyOf(env).HostConfig).toMatchObject({ ...mounted, Dns: ['1.1.1.1', 'fe80::1'] })
    const shared = bodyOf(env, behindVpn).HostConfig
    expect(shared).toMatchObject({ ...mounted, Binds: [...mounted.Binds, 'api-62100:/api'] })
    expect(shared).not.toHaveProperty('Dns')
  })

  test('has none of it if nothing is set', () => {
    for (const member of ['Binds', 'Tmpfs', 'ShmSize', 'Dns'])
      expect(bodyOf({}).HostConfig).not.toHaveProperty(member)
  })

  test('publishes the ports of viewers where the settings say, and those of peers on all addresses', () => {
    const env = { PUBLISH_ADDRESS: '192.168.1.10', ADVERTISE_HOST: 'nas', PUBLISH_P2P: 'true' }
    expect(
      bodyOf({ ...env, ACE_MAP_HTTPS: 'true' }, { ...alone, hostHttpsPort: 20_000 }).HostConfig?.PortBindings,
    ).toEqual({
      '19000/tcp': [{ HostIp: '192.168.1.10', HostPort: '19000' }],
      '20000/tcp': [{ HostIp: '192.168.1.10', HostPort: '20000' }],
      '8700/tcp': [{ HostIp: '', HostPort: '8700' }],
      '8700/udp': [{ HostIp: '', HostPort: '8700' }],
    })
  })

  test('publishes the peer-to-peer port if that is wanted, tcp and udp, under its number', () => {
    const http = { '19000/tcp': [{ HostIp: '127.0.0.1', HostPort: '19000' }] }
    const peers = [{ HostIp: '', HostPort: '8700' }]
    const published = (env: Variables, change?: Partial<Engine>) =>
      bodyOf(env, change).HostConfig?.PortBindings
    expect(published({})).toEqual(http)
    expect(published({ PUBLISH_P2P: 'true' })).toEqual({ ...http, '8700/tcp': peers, '8700/udp': peers })
    expect(published({ PUBLISH_P2P: 'true' }, behindVpn)).toEqual({})
    const fixed = { PUBLISH_P2P: 'true', TARGET_IMAGE: 'smarquezp/docker-acestream-ubuntu-home' }
    expect(published(fixed)).toEqual(http)
  })
})

describe('labels', () => {
  const settings = { ENGINE_LABELS: '{"a": "set", "b": "set"}' }

  test('of the settings give way to those of a request, and these to ours', () => {
    const request = { ...plainRequest, labels: { b: 'asked', 'acestream.http_port': '1' } }
    expect(bodyOf(settings, { ...alone, request }).Labels).toMatchObject({
      ...{ a: 'set', b: 'asked', 'acestream.http_port': '19000', 'acestream.p2p_port': '8700' },
    })
  })

  test('name the peer-to-peer port wherever the engine has one, and the API port in a shared network', () => {
    expect(bodyOf({}).Labels).not.toHaveProperty(['acestream.api_port'])
    expect(bodyOf({}, { ...alone, p2pPort: null }).Labels).not.toHaveProperty(['acestream.p2p_port'])
    expect(bodyOf({}, behindVpn).Labels).toMatchObject({
      'acestream.api_port': '62100',
      'acestream.p2p_port': '8700',
    })
  })
})

describe('the hash of the template', () => {
  const hashOf = (env: Variables, image?: string) => {
    const template = templateFrom(env)
    return templateHash(template, image ?? template.image)
  }

  test('changes with everything that an engine is created with', () => {
    const settings: Variables[] = [
      { ENGINE_LABELS: 'a=b' },
      { ENGINE_VOLUMES: 'a:/b' },
      { ENGINE_TMPFS: '/a' },
      { ENGINE_SHM_SIZE: '1g' },
      { ENGINE_DNS: '1.1.1.1' },
      { ENGINE_SECURITY_OPT: 'seccomp=unconfined' },
      { ENGINE_HEALTHCHECK: 'image' },
      { PUBLISH_P2P: 'true' },
      { PUBLISH_ADDRESS: '0.0.0.0' },
      { ENGINE_RECIPE: 'start-engine' },
      { ENGINE_RECIPE: 'none' },
      { ENGINE_CMD: 'x' },
    ]
    expect(new Set([{}, ...settings].map((env) => hashOf(env))).size).toBe(settings.length + 1)
  })

  test('does not change with the way in which the same recipe was chosen', () => {
    expect(hashOf({ ENGINE_RECIPE: 'http-proxy' })).toBe(hashOf({}))
    expect(hashOf({ CONTAINER_LABEL: 'x=y', ACE_P2P_RANGE: '9000-9100' })).toBe(hashOf({}))
  })
})
