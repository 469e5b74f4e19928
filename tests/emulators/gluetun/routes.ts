import type { Dialect } from './dialect.ts'
import type { Gluetun } from './gluetun.ts'
import {
  getDnsStatus,
  getOpenvpnStatus,
  getPortforward,
  getPortforwarded,
  getPublicIp,
  getSettings,
  getUpdaterStatus,
  getVersion,
  getVpnStatus,
  type Handler,
  notEmulated,
  putOpenvpnStatus,
  putPortforward,
  putVpnStatus,
} from './handlers.ts'
import { type ControlRequest, errorReply, pathOf, type Reply, redirect } from './reply.ts'

type Methods = Readonly<Record<string, Handler>>

/** The routes in groups, because a group answers for unknown routes below it. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, Methods>>>> = {
  '/vpn': {
    '/status': { GET: getVpnStatus, PUT: putVpnStatus },
    '/settings': { GET: getSettings, PUT: notEmulated },
  },
  '/openvpn': {
    '/status': { GET: getOpenvpnStatus, PUT: putOpenvpnStatus },
    '/settings': { GET: getSettings, PUT: notEmulated },
    '/portforwarded': { GET: getPortforwarded },
  },
  '/dns': { '/status': { GET: getDnsStatus, PUT: notEmulated } },
  '/updater': { '/status': { GET: getUpdaterStatus, PUT: notEmulated } },
  '/publicip': { '/ip': { GET: getPublicIp } },
}

/**
 * Answers a request that passed the gate, like Gluetun's handlers: they compare the whole target, including the query,
 * without the slash at its end (gluetun, `internal/server/handler.go`). Null means that the process ends instead.
 */
export async function answer(gluetun: Gluetun, request: ControlRequest): Promise<Reply | null> {
  const target = request.target.replace(/\/$/, '')
  if (target === '/v1' || target.startsWith('/v1/')) return await answerV1(gluetun, request, target.slice(3))
  return answerUnversioned(request, target, gluetun.settings.dialect)
}

async function answerV1(gluetun: Gluetun, request: ControlRequest, rest: string): Promise<Reply | null> {
  const { method } = request
  const group = Object.entries(GROUPS).find(([prefix]) => rest.startsWith(prefix))
  if (group !== undefined) {
    const [prefix, routes] = group
    const methods = routes[rest.slice(prefix.length)]
    if (methods === undefined) return errorReply(400, `route ${rest.slice(prefix.length)} not supported`)
    return await byMethod(methods, gluetun, request)
  }
  // This is the only route that ignores a query.
  if (gluetun.settings.dialect.hasPortforward && pathOf(rest) === '/portforward') {
    return await byMethod(portforward(gluetun.settings.dialect), gluetun, request)
  }
  if (rest === '/version' && method === 'GET') return await getVersion(gluetun, request)
  return errorReply(400, `${method} ${rest} not found`)
}

const portforward = ({ putPortforward: put }: Dialect): Methods =>
  put === 'works' ? { GET: getPortforward, PUT: putPortforward } : { GET: getPortforward }

async function byMethod(methods: Methods, gluetun: Gluetun, request: ControlRequest): Promise<Reply | null> {
  const handler = methods[request.method]
  return handler === undefined
    ? errorReply(400, `method ${request.method} not supported`)
    : await handler(gluetun, request)
}

/** The oldest API: redirects, and restarts that are not emulated. */
function answerUnversioned({ method }: ControlRequest, target: string, { hasPortforward }: Dialect): Reply {
  if (target === '/openvpn/portforwarded') {
    return redirect(308, hasPortforward ? '/v1/portforward' : '/v1/openvpn/portforwarded')
  }
  if (target === '/openvpn/settings') return redirect(308, '/v1/openvpn/settings')
  const restarts = ['/openvpn/actions/restart', '/unbound/actions/restart', '/updater/restart']
  return restarts.includes(target)
    ? errorReply(501, `${method} ${target} is not emulated`)
    : errorReply(400, 'unversioned API: requested URI not found')
}
