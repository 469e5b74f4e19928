import type { Address } from '../protocol.ts'
import { askControl } from './control-question.ts'
import { findServer, type Whereabouts } from './control-search.ts'
import { readForwardedPort, readPublicIp, readStatus } from './gluetun-answers.ts'
import { ControlFailure, type FailedQuestion, problemIn } from './gluetun-problems.ts'
import type { ControlCredentials, ControlFact } from './vpn-protocol.ts'

/** What one round of questions gave; null where it was not learned. */
export type ControlAnswers = Omit<ControlFact, 'type' | 'node' | 'atMs'>

/** What holds for one start of a container and need not be found out again. */
export interface Learned {
  /** Where the control server answers. */
  readonly address: Address
  /** The route that tells the forwarded port; null while none has. */
  readonly portPath: string | null
}

/** Asks control servers of Gluetun. */
export interface ControlClient {
  /**
   * One round of questions. `learned` is what the round before gave back for the same start of the container, null after a
   * start. Never throws; each question has its own deadline, and all end soon after the signal aborts.
   */
  ask(
    where: Whereabouts,
    learned: Learned | null,
    signal: AbortSignal,
  ): Promise<{ readonly answers: ControlAnswers; readonly learned: Learned | null }>
}

const STATUS_PATH = '/v1/vpn/status'
const IP_PATH = '/v1/publicip/ip'

/** Of v3.41 and later; before that an unknown route, which v3.39 to v3.40 refuse with 401 though they ask for no key. */
const PORT_PATH = '/v1/portforward'
/** Of all before v3.41; later ones redirect from it to the other. */
const OLD_PORT_PATH = '/v1/openvpn/portforwarded'

const NOWHERE = { publicIp: null, country: null, region: null, city: null }

/** What became of one question: a value, or why there is none. */
interface Outcome<T> {
  readonly value: T | null
  readonly failed: FailedQuestion | null
}

/** Gives the text of a good answer; throws a ControlFailure for any other. */
type Ask = (path: string) => Promise<string>

/** The client of real control servers; `timeoutMs` bounds each question. */
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
    return { answers: { status: null, forwardedPort: null, ...NOWHERE, problem }, learned: null }
  }

  async #askAll({ address, portPath }: Learned, signal: AbortSignal) {
    const ask: Ask = (path) => this.#ask(address, path, signal)
    const [status, port, ip] = await Promise.all([
      outcomeOf(STATUS_PATH, ask, readStatus),
      askForwardedPort(portPath, ask),
      outcomeOf(IP_PATH, ask, readPublicIp),
    ])
    const problem = this.#problemIn(
      [status, port, ip].flatMap((each) => each.failed ?? []),
      [address],
    )
    const answers = { status: status.value, forwardedPort: port.value, ...(ip.value ?? NOWHERE), problem }
    return { answers, learned: status.failed === null ? { address, portPath: port.path } : null }
  }

  #ask(address: Address, path: string, signal: AbortSignal): Promise<string> {
    return askControl(address, path, { headers: this.#headers, timeoutMs: this.timeoutMs, signal })
  }

  #problemIn(failed: readonly FailedQuestion[], at: readonly Address[]): string | null {
    return problemIn(failed, { at, timeoutMs: this.timeoutMs, auth: this.auth.kind })
  }
}

/** By the route that is known to tell the port; else by the later one, and by the earlier where that is not known. */
async function askForwardedPort(
  known: string | null,
  ask: Ask,
): Promise<Outcome<number> & { readonly path: string | null }> {
  const path = known ?? PORT_PATH
  const first = await outcomeOf(path, ask, readForwardedPort)
  if (first.failed === null) return { ...first, path }
  const { trouble } = first.failed.failure
  const mayBeOld = known === null && (trouble === 'unauthorized' || trouble === 'unknown_route')
  if (!mayBeOld) return { ...first, path: known }
  const old = await outcomeOf(OLD_PORT_PATH, ask, readForwardedPort)
  // A redirection leads back to the route that has just been refused: what was wrong there is what there is to tell.
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
