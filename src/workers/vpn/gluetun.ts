import type { Address } from '../protocol.ts'
import { askControl } from './control-question.ts'
import { findServer, type Whereabouts } from './control-search.ts'
import { readForwardedPorts, readPublicIp, readStatus } from './gluetun-answers.ts'
import { ControlFailure, type FailedQuestion, problemIn } from './gluetun-problems.ts'
import type { ControlCredentials, ControlFact } from './vpn-protocol.ts'

/** The answers of one round of questions; null for what was not learned. */
export type ControlAnswers = Omit<ControlFact, 'type' | 'node' | 'atMs'>

/** What stays true during one start of a container, so that it need not be found out again. */
export interface Learned {
  /** The address at which the control server answers. */
  readonly address: Address
  /** The route that tells the forwarded port; null until one did. */
  readonly portPath: string | null
}

/** Asks Gluetun's control servers. */
export interface ControlClient {
  /**
   * Asks one round of questions. `learned` is what the round before returned for the same start of the container; null after
   * a new start. Never throws. Each question has its own deadline, and all end soon after the signal aborts.
   */
  ask(
    where: Whereabouts,
    learned: Learned | null,
    signal: AbortSignal,
  ): Promise<{ readonly answers: ControlAnswers; readonly learned: Learned | null }>
}

const STATUS_PATH = '/v1/vpn/status'
const IP_PATH = '/v1/publicip/ip'

/**
 * The route for the forwarded port from v3.41 on. Earlier versions do not know it; v3.39 to v3.40 answer it with 401,
 * although they require no key.
 */
const PORT_PATH = '/v1/portforward'
/** The route for the forwarded port before v3.41; later versions redirect it to the new one. */
const OLD_PORT_PATH = '/v1/openvpn/portforwarded'

const NOWHERE = { publicIp: null, country: null, region: null, city: null }

/** The result of one question: a value, or the failure. */
interface Outcome<T> {
  readonly value: T | null
  readonly failed: FailedQuestion | null
}

/** Returns the text of a good answer; throws a ControlFailure for any other. */
type Ask = (path: string) => Promise<string>

/** Creates the client for real control servers; `timeoutMs` limits each question. */
export function createControlClient(settings: {
  readonly auth: ControlCredentials
  readonly timeoutMs: number
}): ControlClient {
  return new HttpControlClient(settings.auth, settings.timeoutMs)
}

class HttpControlClient implements ControlClient {
  readonly #headers: Readonly<Record<string, string>>

  constructor(
    private readonly auth: ControlCredentials,
    private readonly timeoutMs: number,
  ) {
    this.#headers = headersOf(auth)
  }

  async ask(where: Whereabouts, learned: Learned | null, signal: AbortSignal) {
    if (learned !== null) return await this.#askAll(learned, signal)
    const found = await findServer(where, async (address, settled) =>
      readStatus(await this.#ask(address, STATUS_PATH, AbortSignal.any([signal, settled]))),
    )
    if ('address' in found) return await this.#askAll({ ...found, portPath: null }, signal)
    const problem = this.#problemIn([{ path: STATUS_PATH, failure: found.failure }], found.at)
    return { answers: { status: null, forwardedPorts: null, ...NOWHERE, problem }, learned: null }
  }

  async #askAll({ address, portPath }: Learned, signal: AbortSignal) {
    const ask: Ask = (path) => this.#ask(address, path, signal)
    const [status, port, ip] = await Promise.all([
      outcomeOf(STATUS_PATH, ask, readStatus),
      askForwardedPorts(portPath, ask),
      outcomeOf(IP_PATH, ask, readPublicIp),
    ])
    const problem = this.#problemIn(
      [status, port, ip].flatMap((each) => each.failed ?? []),
      [address],
    )
    const answers = { status: status.value, forwardedPorts: port.value, ...(ip.value ?? NOWHERE), problem }
    return { answers, learned: status.failed === null ? { address, portPath: port.path } : null }
  }

  #ask(address: Address, path: string, signal: AbortSignal): Promise<string> {
    return askControl(address, path, { headers: this.#headers, timeoutMs: this.timeoutMs, signal })
  }

  #problemIn(failed: readonly FailedQuestion[], at: readonly Address[]): string | null {
    return problemIn(failed, { at, timeoutMs: this.timeoutMs, auth: this.auth.kind })
  }
}

/**
 * Asks for the forwarded ports by the route that is known to tell it. If none is known, asks by the new route first, and by
 * the old one if the server does not know the new one.
 */
async function askForwardedPorts(
  known: string | null,
  ask: Ask,
): Promise<Outcome<number[]> & { readonly path: string | null }> {
  const path = known ?? PORT_PATH
  const first = await outcomeOf(path, ask, readForwardedPorts)
  if (first.failed === null) return { ...first, path }
  const { trouble } = first.failed.failure
  const mayBeOld = known === null && (trouble === 'unauthorized' || trouble === 'unknown_route')
  if (!mayBeOld) return { ...first, path: known }
  const old = await outcomeOf(OLD_PORT_PATH, ask, readForwardedPorts)
  // The old route may redirect to the new route, which has just failed, so the first failure is the one to report.
  return old.failed === null ? { ...old, path: OLD_PORT_PATH } : { ...first, path: null }
}

async function outcomeOf<T>(path: string, ask: Ask, read: (text: string) => T): Promise<Outcome<T>> {
  try {
    return { value: read(await ask(path)), failed: null }
  } catch (error) {
    const failure = error instanceof ControlFailure ? error : new ControlFailure('garbage')
    return { value: null, failed: { path, failure } }
  }
}

function headersOf(auth: ControlCredentials): Record<string, string> {
  if (auth.kind === 'apikey') return { 'X-API-Key': auth.key }
  if (auth.kind === 'none') return {}
  return { Authorization: `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}` }
}
