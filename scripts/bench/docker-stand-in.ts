/**
 * Stands in for a Docker Engine with many running engines, in a process of its own: `docker-stand-in.ts SOCKET SIZE PORT LABEL`.
 * It tells what Docker 20.10 told of our engines, and answers for all of them as engines do, from PORT on. So a fleet of any
 * size costs no containers, and only the orchestrator is measured. It prints its address when it listens.
 */

const [socket = '', size = '0', firstPort = '0', label = ''] = process.argv.slice(2)
const [labelKey = '', labelValue = ''] = label.split('=')
const FIRST_PORT = Number(firstPort)
const IMAGE = 'sha256:8c4f5a60799ee4f4aef0e75b131f476f49209d57329921bcc499e93f499d4faf'
const STARTED = new Date(Date.now() - 3_600_000)

const containers = Array.from({ length: Number(size) }, (_, index) => containerOf(index))
const byId = new Map(containers.map((container) => [container.id, container]))

/** What Docker and an engine say of one engine. Every member that we do not read is left out, or is as long as Docker's. */
function containerOf(index: number) {
  const port = FIRST_PORT + index
  const id = index.toString(16).padStart(64, 'c')
  const name = `/acestream-${index + 1}`
  const labels = {
    'acestream.http_port': String(port),
    'acestream.https_port': String(45_000 + index),
    'host.http_port': String(port),
    'roundhouse.config': 'e6ac2090df7493b049b181392f5e36c0',
    'roundhouse.engine': `06be3585-069f-4ee0-b232-${index.toString().padStart(12, '0')}`,
    [labelKey]: labelValue,
  }
  const bridge = {
    ...{ NetworkID: id, EndpointID: id, Gateway: '127.0.0.1', IPAddress: '127.0.0.1', IPPrefixLen: 16 },
    ...{ IPv6Gateway: '', GlobalIPv6Address: '', GlobalIPv6PrefixLen: 0, MacAddress: '02:42:ac:11:00:14' },
  }
  const Networks = { bridge }
  const bound = [{ HostIp: '0.0.0.0', HostPort: String(port) }]
  const listed = {
    ...{ Id: id, Names: [name], Image: 'engine:bench', ImageID: IMAGE, Command: '/engine' },
    ...{
      Created: Math.floor(STARTED.getTime() / 1_000),
      Labels: labels,
      State: 'running',
      Status: 'Up 1 hour',
    },
    Ports: [{ IP: '0.0.0.0', PrivatePort: port, PublicPort: port, Type: 'tcp' }],
    ...{ HostConfig: { NetworkMode: 'default' }, NetworkSettings: { Networks }, Mounts: [] },
  }
  const inspected = {
    ...{ Id: id, Name: name, Image: IMAGE, Created: STARTED.toISOString(), RestartCount: 0 },
    State: { Status: 'running', Running: true, StartedAt: STARTED.toISOString(), ExitCode: 0, Error: '' },
    HostConfig: {
      NetworkMode: 'default',
      PortBindings: { [`${port}/tcp`]: bound },
      Filler: 'x'.repeat(3_000),
    },
    Config: { Image: 'engine:bench', Labels: labels, Tty: false, Env: [`HTTP_PORT=${port}`] },
    NetworkSettings: { Networks, Ports: { [`${port}/tcp`]: bound } },
  }
  return { id, port, listed, inspected: JSON.stringify(inspected) }
}

const JSON_HEADERS = { 'content-type': 'application/json' }
const json = (body: unknown, status = 200): Response =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers: JSON_HEADERS })
const none = (what: string): Response => json({ message: `No such ${what}` }, 404)

const list = JSON.stringify(containers.map(({ listed }) => listed))

function docker({ url }: Request): Response {
  const { pathname: path, searchParams: asked } = new URL(url)
  const [, kind = '', name = '', what = ''] = path.split('/')
  if (path === '/_ping') return new Response('OK')
  if (path === '/version')
    return json({ Os: 'linux', Arch: 'amd64', Version: '20.10.24', ApiVersion: '1.41' })
  if (path === '/events') return asked.has('until') ? new Response('') : new Response(endless())
  if (path === '/containers/json') return json(asked.has('limit') ? '[]' : list)
  if (kind === 'containers' && what === 'json') return json(byId.get(name)?.inspected ?? none('container'))
  if (kind === 'containers' && what === 'stats') return json({ read: STARTED.toISOString(), networks: {} })
  if (kind === 'images' && name.startsWith('engine'))
    return json({ Id: IMAGE, Os: 'linux', Architecture: 'amd64', Size: 116_000_000 })
  return none(kind)
}

/** Events that never come. */
const endless = (): ReadableStream =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode('\n'))
    },
  })

const SESSION = {
  ...{ status: 'dl', peers: 12, speed_down: 800, speed_up: 20, uploaded: 1_000 },
  ...{ playback_session_id: 'x', is_live: 1, client_session_id: 1, total_progress: 0 },
}

function engine({ url }: Request): Response {
  if (url.includes('/ace/stat/'))
    return json({ response: { ...SESSION, downloaded: Math.floor(performance.now() * 800) }, error: null })
  if (url.includes('get_network_connection_status')) return json({ result: { connected: true } })
  return json({ result: { playlist_loaded: true } })
}

Bun.serve({ unix: socket, fetch: docker })
for (const { port } of containers) Bun.serve({ hostname: '127.0.0.1', port, fetch: engine })
console.log(`unix://${socket}`)
