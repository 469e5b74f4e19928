import type { DialectName } from '../dialect.ts'
import { TestGluetun } from './harness.ts'
import type { ExchangeGroup } from './recordings.ts'

interface Auth {
  readonly defaultRole?: string
  readonly roleFile?: string
}

const API_KEY = '{"auth":"apikey","apikey":"k-right"}'

/** The recorded set-ups of authentication. */
function authOf(name: string, dialect: DialectName): Auth {
  const portforward = dialect === 'v3.38.0' || dialect === 'v3.40.4' ? '' : ', "GET /v1/portforward"'
  const someRoutes = `[[roles]]
name = "some"
auth = "apikey"
apikey = "k-right"
routes = ["GET /v1/vpn/status", "GET /v1/publicip/ip"${portforward}]
`
  const auths: Readonly<Record<string, Auth>> = {
    none: {},
    'default-none': { defaultRole: '{"auth":"none"}' },
    'default-apikey': { defaultRole: API_KEY },
    'default-basic': { defaultRole: '{"auth":"basic","username":"u","password":"p"}' },
    'file-some-routes': { roleFile: someRoutes },
    'file-some-routes+default-apikey': {
      roleFile: someRoutes,
      defaultRole: API_KEY.replace('right', 'default'),
    },
    'file-none-and-basic': { roleFile: NONE_AND_BASIC },
    'file: GET and PUT /v1/portforward open': { roleFile: PORTFORWARD_OPEN },
  }
  const auth = auths[name]
  if (auth === undefined) throw new Error(`no such set-up of authentication: ${name}`)
  return auth
}

const NONE_AND_BASIC = `[[roles]]
name = "a"
auth = "none"
routes = ["GET /v1/vpn/status", "GET /v1/openvpn/portforwarded"]

[[roles]]
name = "b"
auth = "basic"
username = "u"
password = "p"
routes = ["GET /v1/vpn/status", "GET /v1/publicip/ip"]
`

const PORTFORWARD_OPEN = `[[roles]]
name = "open"
auth = "none"
routes = ["GET /v1/portforward", "PUT /v1/portforward"]
`

type Prepare = (gluetun: TestGluetun) => Promise<unknown>

const VPN = '/v1/vpn/status'
const OPENVPN = '/v1/openvpn/status'
const PORTS = '/v1/portforward'
const OTHER_EXIT = { reconnect: { public_ip: '203.0.113.99', forwarded_port: 40_404 } }

/** How to reach each recorded state from a running VPN. */
const STATES: Readonly<Record<string, Prepare>> = {
  running: async () => {},
  stopped: (gluetun) => gluetun.put(VPN, { status: 'stopped' }),
  '20 s after PUT stopped (the health loop had started the VPN again)': async (gluetun) => {
    await gluetun.put(VPN, { status: 'stopped' })
    gluetun.clock.advance(20_000)
  },
  'running again, other exit address and port': reconnected,
  'running, native port forwarding on': reconnected,
  'running, two forwarded ports': async () => {},
  'server stopped, unhealthy': async (gluetun) => {
    await reconnected(gluetun)
    await gluetun.setFaults({ tunnel_cut: true })
    while ((await gluetun.state()).health_error === null) gluetun.clock.advance(1000)
  },
  'after PUT /v1/openvpn/status stopped': (gluetun) => gluetun.put(OPENVPN, { status: 'stopped' }),
  '3 s after PUT /v1/openvpn/status running (VPN type was WireGuard)': async (gluetun) => {
    await gluetun.put(OPENVPN, { status: 'stopped' })
    await gluetun.put(OPENVPN, { status: 'running' })
    gluetun.clock.advance(3000)
  },
  'running, port forwarding off': async () => {},
  'running, port forwarding off, after: PUT /v1/portforward [1234], then API stop': (gluetun) =>
    gluetun.put(PORTS, { ports: [1234] }),
  'running, port forwarding off, after: PUT /v1/portforward [1234], then [], then API stop': async (
    gluetun,
  ) => {
    await gluetun.put(PORTS, { ports: [1234] })
    await gluetun.put(PORTS, { ports: [] })
  },
  'running, port forwarding off, after: no PUT /v1/portforward, API stop': async () => {},
  'stopped, port forwarding off': (gluetun) => gluetun.put(VPN, { status: 'stopped' }),
  'running, PUBLICIP_ENABLED=off': async () => {},
  'running, VPN type WireGuard, provider custom': async () => {},
}

async function reconnected(gluetun: TestGluetun): Promise<void> {
  await gluetun.setFaults(OTHER_EXIT)
  await gluetun.put(VPN, { status: 'stopped' })
  await gluetun.put(VPN, { status: 'running' })
  gluetun.clock.advance(5000)
}

/** An emulator in the state and with the set-up of a recorded group. */
export async function setUp({ dialect, auth, state, exchanges }: ExchangeGroup): Promise<TestGluetun> {
  const prepare = STATES[state]
  if (prepare === undefined) throw new Error(`no such state: ${state}`)
  const { defaultRole = '', roleFile = null } = authOf(auth, dialect)
  const bodies = exchanges.map(({ response }) => response.body ?? '').join()
  const env = {
    DIALECT: dialect,
    HTTP_CONTROL_SERVER_AUTH_DEFAULT_ROLE: defaultRole,
    VPN_PORT_FORWARDING: state.includes('port forwarding off') ? 'off' : 'on',
    FORWARDED_PORT: state.includes('two forwarded ports') ? '51413,51414' : '51413',
    // The look-up had no answer when v3.38.0 was recorded.
    PUBLICIP_ENABLED: state.includes('PUBLICIP_ENABLED=off') || dialect === 'v3.38.0' ? 'off' : 'on',
    // Later sessions of the recording had another exit address.
    PUBLIC_IP: bodies.includes('203.0.113.99') ? '203.0.113.99' : '203.0.113.7',
  }
  const gluetun = await TestGluetun.start(env, roleFile)
  await prepare(gluetun)
  return gluetun
}
