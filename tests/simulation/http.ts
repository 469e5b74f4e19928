import { API_KEY } from './scenario.ts'
import type { Server } from './server.ts'
import type { SimClock } from './sim-clock.ts'
import type { Trace } from './trace.ts'

/** An answer that was received. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

export interface Ask {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly key?: string
  /** The API key: the right one if it is left out, null for none. */
  readonly apiKey?: string | null
  /** What program the client says it is. */
  readonly userAgent?: string
  /** How long the client waits before it hangs up. */
  readonly timeoutMs?: number
}

/** How long acexy waits for any answer. */
const PATIENCE_MS = 3_000

/** What clients are that do not say anything else. */
const USER_AGENT = 'curl/8.14.1'

/** Requests that must be answered without waiting for anything outside. */
const PROMPT = /^GET \/(engines|streams|orchestrator|health|vpn|healthz|readyz)/

/**
 * HTTP to the orchestrator as its clients see it. The answer is null if no process listens, the process dies before the
 * answer is complete, or the client hangs up.
 */
export class Http {
  constructor(
    private readonly deps: {
      readonly clock: SimClock
      readonly server: Server
      readonly trace: Trace
      readonly onViolation: (text: string) => void
    },
  ) {}

  async ask(ask: Ask): Promise<Answer | null> {
    const { clock, server } = this.deps
    const { running } = server
    if (running === null) return null
    const hungUp = new AbortController()
    const lost = Promise.withResolvers<null>()
    const forget = running.life.onDeath(() => lost.resolve(null))
    const cancel = clock.after(ask.timeoutMs ?? PATIENCE_MS, () => {
      hungUp.abort()
      lost.resolve(null)
    })
    const askedMs = waitedMs(clock)
    const handled = Promise.resolve(running.orchestrator.app.handle(requestOf(ask, hungUp.signal)))
    const answer = await Promise.race([handled.then(answerOf), lost.promise])
    forget()
    cancel()
    this.#check(ask, askedMs, running.life.isDead, answer)
    return running.life.isDead ? null : answer
  }

  #check({ method, path }: Ask, askedMs: number, isDead: boolean, answer: Answer | null): void {
    const { clock, onViolation } = this.deps
    const name = `${method} ${path}`
    if (isDead || !PROMPT.test(name)) return
    const tookMs = waitedMs(clock) - askedMs
    if (tookMs > 0) onViolation(`${name} took ${tookMs} ms`)
    else if (answer !== null && answer.status >= 500 && path !== '/readyz')
      onViolation(`${name} answered ${answer.status}`)
  }
}

/** The time without the periods in which the process could not answer because it wrote to the disk. */
const waitedMs = (clock: SimClock): number => clock.now() - clock.spentMs()

function requestOf(
  { method, path, body, key, apiKey = API_KEY, userAgent = USER_AGENT }: Ask,
  signal: AbortSignal,
): Request {
  return new Request(`http://localhost${path}`, {
    method,
    signal,
    headers: {
      'user-agent': userAgent,
      ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}
