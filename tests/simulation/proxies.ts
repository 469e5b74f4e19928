import { ACEXY_AGENT, Acexy } from './acexy.ts'
import type { Provision } from './callers.ts'
import type { ChoiceChecks } from './choice-checks.ts'
import { type Coverage, tally } from './coverage.ts'
import type { Http } from './http.ts'
import type { Random } from './random.ts'
import { API_KEY, type Scenario } from './scenario.ts'
import type { SimClock } from './sim-clock.ts'
import { type Wait, waitFault } from './wait-checks.ts'

/** API keys that a proxy may have been given by mistake. */
const WRONG_KEYS = ['another-key', null] as const
/** Chance that a proxy is a fork that sends idempotency keys. */
const FORKS = 0.15
/** Within this time after the orchestrator all proxies are started. */
const START_MS = 3_000
/** `VIEWER_WAIT_S` if the environment does not set it. */
const VIEWER_WAIT_S = '12'

export const viewerWaitS = ({ env }: Pick<Scenario, 'env'>): number =>
  Number(env.VIEWER_WAIT_S ?? VIEWER_WAIT_S)

export interface ProxiesDeps {
  readonly clock: SimClock
  readonly http: Http
  readonly random: Random
  readonly choices: ChoiceChecks
  readonly coverage: Coverage
  readonly scenario: Scenario
  readonly provision: Provision
  readonly onViolation: (text: string) => void
}

/** All proxies of a world, with what each was configured with. */
export class Proxies {
  readonly all: readonly [Acexy, ...Acexy[]]

  constructor(private readonly deps: ProxiesDeps) {
    const others = Array.from({ length: deps.scenario.proxies - 1 }, (_, n) => this.#make(n + 1))
    this.all = [this.#make(0), ...others]
  }

  /** Starts the proxies, one soon after the other. */
  begin(): void {
    const { clock, random } = this.deps
    for (const proxy of this.all)
      clock.after(random.stream(`start of ${proxy.name}`).int(0, START_MS), () => proxy.begin())
  }

  #make(number: number): Acexy {
    const { clock, http, random, choices, provision, scenario } = this.deps
    const { wrongKeys, perEngine } = scenario.audience
    const apiKey = random.stream(`key of proxy ${number}`).chance(wrongKeys)
      ? (WRONG_KEYS[number % 2] ?? null)
      : API_KEY
    return new Acexy(`p${number}`, {
      ...{ clock, http, choices, apiKey, perEngine },
      random: random.stream(`proxy ${number}`),
      sendsKeys: random.stream(`fork ${number}`).chance(FORKS),
      provision: ({ name, content }, key, patienceMs) =>
        provision(name, {
          ...{ key, patienceMs, content, apiKey, userAgent: ACEXY_AGENT },
          body: { labels: {}, env: {} },
        }),
      onWait: (caller, waits) => this.#checkWaits(caller, waits),
    })
  }

  #checkWaits(caller: string, waits: readonly Wait[]): void {
    const { coverage, scenario, onViolation } = this.deps
    const { PROVISION_ERROR_DETAIL: detail = 'auto' } = scenario.env
    tally(coverage, 'waits of acexy')
    const fault = waitFault(waits, { detail, viewerWaitS: viewerWaitS(scenario) })
    if (fault === null) return
    tally(coverage, 'waits of acexy that are too long')
    onViolation(`${caller}: ${fault}`)
  }
}
