import { hostPort } from '../../core/host-port.ts'
import type { Address } from '../protocol.ts'
import type { ControlCredentials } from './vpn-protocol.ts'

/** Why a question got no good answer. */
export type ControlTrouble =
  /** HTTP 401. */
  | 'unauthorized'
  /** The server does not know the route. */
  | 'unknown_route'
  | 'redirected'
  /** Another HTTP status, which `ControlFailure.options` names. */
  | 'failed'
  /** A body that Gluetun would not send. */
  | 'garbage'
  /** The server answers as Gluetun does, and names no state of its VPN. */
  | 'no_state'
  /** The server accepts connections and does not answer in time. */
  | 'hung'
  /** Nothing listens at the address. */
  | 'refused'
  /** There is no route to the address, or the name is unknown. */
  | 'unreachable'
  /** We lacked a descriptor or memory for the request. */
  | 'not_asked'

/** A question that got no good answer. */
export class ControlFailure extends Error {
  override readonly name = 'ControlFailure'

  constructor(
    readonly trouble: ControlTrouble,
    readonly options: { readonly status?: number } = {},
  ) {
    super(trouble)
  }

  /** Whether nothing answered at all. */
  get isSilence(): boolean {
    return ['hung', 'refused', 'unreachable', 'not_asked'].includes(this.trouble)
  }
}

/** A question and its failure; `path` is that of the question's URL. */
export interface FailedQuestion {
  readonly path: string
  readonly failure: ControlFailure
}

/** What the message about a failure depends on; of the credentials only their kind. */
interface Circumstances {
  readonly at: readonly Address[]
  readonly timeoutMs: number
  readonly auth: ControlCredentials['kind']
}

/**
 * What went wrong in one round and the remedy, as a sentence without its full stop; null if nothing went wrong. Questions
 * with the same failure share one sentence.
 */
export function problemIn(failed: readonly FailedQuestion[], circumstances: Circumstances): string | null {
  const byTrouble = Object.groupBy(failed, ({ failure }) => failure.trouble)
  const sentences = Object.values(byTrouble).map((group) => {
    const failure = group[0]?.failure ?? new ControlFailure('failed')
    const routes = group.map(({ path }) => `GET ${path}`).join(', ')
    return SENTENCES[failure.trouble](routes, circumstances, failure)
  })
  return sentences.length === 0 ? null : sentences.join('; ')
}

type Sentence = (routes: string, circumstances: Circumstances, failure: ControlFailure) => string

const SENTENCES: Readonly<Record<ControlTrouble, Sentence>> = {
  unauthorized: (routes, { auth }) =>
    auth === 'none' ? `${WANTS_A_KEY} ${routes}: ${REMEDY_WITHOUT_KEY}` : refusesKey(routes, auth),
  unknown_route: (routes) =>
    `the control server does not know ${routes}: check GLUETUN_API_PORT, and that this version of Gluetun has it${IF_NONE}`,
  redirected: (routes) =>
    `the control server redirects ${routes} to another place, which is not followed: check GLUETUN_API_PORT, and what stands before it`,
  failed: (routes, _, { options: { status = 500 } }) =>
    `the control server fails ${routes} with HTTP ${status}: ${status < 500 ? NOT_GLUETUNS : 'see the log of Gluetun'}`,
  garbage: (routes) =>
    `the answer to ${routes} is none that Gluetun gives: check that GLUETUN_API_PORT is the port of its control server${IF_NONE}`,
  no_state: (routes) =>
    `the control server does not say yet whether its VPN runs (${routes}): see the log of Gluetun if that lasts`,
  hung: (routes, { at, timeoutMs }) =>
    `the control server accepts connections at ${listOf(at)} and does not answer ${routes} within ${timeoutMs} ms: see the log of Gluetun`,
  refused: (_, { at }) =>
    `the control server does not listen at ${listOf(at)}: check HTTP_CONTROL_SERVER_ADDRESS of Gluetun, and GLUETUN_API_PORT${IF_NONE}`,
  unreachable: (_, { at }) =>
    `the control server cannot be reached at ${listOf(at)}: put it into a network that we are in, too, or publish its port`,
  not_asked: () =>
    'the control server could not be asked, since this process has no descriptor or memory left for it',
}

const IF_NONE = ' (VPN_CONTROL=none, if the container is no Gluetun)'

/** Of the refusals Gluetun itself gives only 401, 404, 405 and 400. */
const NOT_GLUETUNS = 'Gluetun does not answer so. Check GLUETUN_API_PORT, and what stands before it'

/**
 * The role that Gluetun needs. Which route tells the port depends on the version, and Gluetun does not start if a role names
 * a route that it does not know.
 */
const ROLE =
  'a role of Gluetun with the routes GET /v1/vpn/status, GET /v1/publicip/ip and GET /v1/portforward ' +
  '(GET /v1/openvpn/portforwarded before v3.41)'

const WANTS_A_KEY = 'the control server wants to know who asks for'

const REMEDY_WITHOUT_KEY =
  `set GLUETUN_API_KEY, or GLUETUN_API_USER and GLUETUN_API_PASSWORD, to those of ${ROLE}; ` +
  'the newest Gluetun answers 401 to everything until it has a role'

function refusesKey(routes: string, auth: 'apikey' | 'basic'): string {
  const [what, remedy] =
    auth === 'apikey'
      ? ['our key', 'set GLUETUN_API_KEY to that']
      : ['our user and password', 'set GLUETUN_API_USER and GLUETUN_API_PASSWORD to those']
  return `the control server refuses ${what} for ${routes}: ${remedy} of ${ROLE}`
}

const listOf = (addresses: readonly Address[]): string => addresses.map(hostPort).join(', ')
