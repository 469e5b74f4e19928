import type { Config } from '../../src/config/config.ts'
import { createStore } from '../../src/store/store.ts'
import { Books, type JournalBook } from './books.ts'
import { CacheChecks } from './cache-checks.ts'
import { Callers, type Provision } from './callers.ts'
import { Chaos } from './chaos.ts'
import { ChoiceChecks } from './choice-checks.ts'
import { CommitChecks } from './commit-checks.ts'
import { emptyCoverage, tally } from './coverage.ts'
import { Crowds } from './crowds.ts'
import { DrainChecks } from './drain-checks.ts'
import { EndingChecks, isEnding } from './ending-checks.ts'
import { FaultDice } from './fault-dice.ts'
import { FlutterChecks } from './flutter-checks.ts'
import { HostChecks } from './host-checks.ts'
import { type Answer, Http } from './http.ts'
import { Lookers } from './lookers.ts'
import { Operators } from './operators.ts'
import { Orders } from './orders.ts'
import { OutsideChecks } from './outside-checks.ts'
import { OwnerChecks } from './owner-checks.ts'
import { PromiseChecks } from './promise-checks.ts'
import { Proxies, viewerWaitS } from './proxies.ts'
import { quickDatabase } from './quick-database.ts'
import { seeded } from './random.ts'
import { API_KEY, drawScenario, IMAGE, LABEL, type Scenario } from './scenario.ts'
import { configOf, Server } from './server.ts'
import { SimClock } from './sim-clock.ts'
import { SimHost } from './sim-host.ts'
import { StorageTrouble } from './storage-trouble.ts'
import { StreamChecks } from './stream-checks.ts'
import { Trace } from './trace.ts'
import { TunnelChecks } from './tunnel-checks.ts'
import { Viewers } from './viewers.ts'
import { VpnChecks } from './vpn-checks.ts'
import { commitTimes } from './weather.ts'

type OnViolation = (text: string) => void

const START_MS = Date.parse('2026-11-23T12:00:00Z')
const TRACE_LINES = 250
/** The longest time that a probe takes. */
const PROBE_MS = 5_000

/** All parts of one seed's world, put together but not started. */
export class World {
  readonly violations: string[] = []
  readonly coverage = emptyCoverage()
  readonly orders = new Orders()
  readonly clock = new SimClock(START_MS)
  readonly storage = new StorageTrouble(() => this.clock.now())
  readonly database = this.storage.under(quickDatabase())
  readonly random
  readonly scenario
  readonly trace
  readonly host
  readonly dice
  readonly books
  readonly server
  readonly http
  readonly viewers
  readonly lookers
  readonly choices
  readonly promises
  readonly outside
  readonly vpn
  readonly hosts
  readonly streamChecks
  readonly owners
  readonly chaos
  /** Checks what must hold after every commit. */
  readonly checkCommit: () => void
  /** Checks what must hold whenever the orchestrator ends a container. */
  readonly checkEnding: EndingChecks['check']
  /** Checks what must hold whenever the orchestrator empties a cache. */
  readonly checkCache: CacheChecks['check']
  readonly proxies
  readonly crowds
  /** The configuration in force; between two lives, that of the earlier life. */
  #config: Config | undefined
  #failureThreshold = 1
  #noticeMs = 0

  constructor(
    seed: number,
    echo: ((line: string) => void) | null,
    change: (scenario: Scenario) => Scenario = (scenario) => scenario,
  ) {
    const { clock, coverage, orders } = this
    this.random = seeded(seed)
    this.scenario = change(drawScenario(this.random.stream('scenario')))
    this.trace = new Trace(clock, { capacity: TRACE_LINES, echo })
    const { random, trace } = this
    this.host = new SimHost({
      clock,
      random: random.stream('host'),
      trace,
      label: LABEL,
      image: IMAGE,
      vpn: this.scenario.vpn,
      swarm: this.scenario.swarm,
      sights: this.scenario.sights,
      coverage,
    })
    const { host } = this
    this.dice = new FaultDice(
      { clock, random: random.stream('faults'), sickness: host.sickness },
      host.runtime.faults,
    )
    const { database } = this
    createStore(database)
    this.books = new Books(database)
    const { books } = this
    const onViolation = (text: string): void => this.violate(text)
    const outageSinceMs = (): number | null => this.chaos.outageSinceMs()
    this.outside = new OutsideChecks({
      clock,
      host,
      books,
      server: () => this.server,
      outageSinceMs,
      onViolation,
    })
    const { outside } = this
    const isForbidden = (containerId: string | null): boolean => outside.isForbidden(containerId)
    const endings = this.#endingChecks(onViolation)
    const drains = this.#drainChecks(onViolation)
    const flutter = new FlutterChecks({ books, onViolation })
    this.choices = this.#choiceChecks(onViolation)
    const { choices } = this
    const caches = new CacheChecks({ clock, books, onViolation })
    this.checkCache = (id, site) => caches.check(id, site)
    this.streamChecks = new StreamChecks({
      ...{ books, host, orders, coverage, isForbidden, onViolation },
      isStorageFelt: () => this.storage.isFelt(),
    })
    const takesOver = this.scenario.env.TAKE_OVER !== 'never'
    this.hosts = new HostChecks({
      ...{ clock, host, books, coverage, outageSinceMs, onViolation },
      http: { ask: (ask) => this.http.ask(ask) },
      server: () => this.server,
      wasStorageFeltSince: (ms) => this.storage.wasFeltSince(ms),
    })
    this.owners = new OwnerChecks({ clock, books, host, coverage, takesOver, onViolation })
    const commits = this.#commitChecks(onViolation, (entry) => {
      this.streamChecks.note(entry)
      this.owners.note(entry)
      endings.decided(entry)
      outside.note(entry)
      this.hosts.note(entry)
      drains.note(entry)
      flutter.note(entry)
      choices.note(entry)
    })
    this.storage.beforeCommit = () => {
      if (commits.startsSince() > 1) this.server.checkpoint('before_shared_commit')
    }
    this.checkCommit = () => {
      const isShared = commits.startsSince() > 1
      commits.check()
      if (!isShared) return
      tally(coverage, 'commits of several reports')
      this.server.checkpoint('after_shared_commit')
    }
    this.checkEnding = (verb, id, site) => endings.check(verb, id, site)
    this.server = new Server({
      clock,
      random: random.stream('server'),
      trace,
      host,
      database,
      dice: this.dice,
      coverage,
      history: this.scenario.history,
      streamChecks: this.streamChecks,
      onAsk: (verb, id, site) => {
        const isTable = verb === 'exec' && /^(viewer-questions|listeners)\./.test(site)
        const isLook = verb === 'inspect' || isTable
        if (!isLook && host.nodes.named(id) !== undefined) this.violate(`${verb} of a VPN node at ${site}`)
        this.owners.asked(verb, id, site)
        if (isEnding(verb)) this.checkEnding(verb, id, site)
        if (verb === 'exec' && !isLook) this.checkCache(id, site)
        if (verb === 'traffic') host.process(id)?.change(() => undefined)
      },
      onCommit: this.checkCommit,
      commitMs: commitTimes(random.stream('disk'), this.scenario.slowCommits),
      onPass: () => this.owners.passed(),
      onDefect: onViolation,
    })
    const { server } = this
    this.http = new Http({ clock, server, trace, onViolation })
    const { http } = this
    const { audience } = this.scenario
    this.viewers = new Viewers({
      ...{ clock, http, host, trace, coverage, audience, choices, streamChecks: this.streamChecks },
      hosts: this.hosts,
      random: random.stream('viewers'),
    })
    this.lookers = new Lookers({ clock, http, coverage })
    const operators = new Operators({
      http,
      host,
      books,
      orders,
      trace,
      coverage,
      isStorageFelt: () => this.storage.isFelt(),
      mayDockerFail: () => this.scenario.rates.failBefore > 0 || outageSinceMs() !== null,
      onViolation,
    })
    const callers = new Callers({
      clock,
      http,
      books,
      trace,
      coverage,
      isStorageFelt: () => this.storage.isFelt(),
      provision: (caller, wish) => this.#provision(caller, wish),
      mayHandOut: () => choices.mayHandOut(),
      firstPort: this.scenario.env.GLUETUN_CONTAINER_NAME === '' ? 29_000 : 19_000,
      outsideOf: (containerId) => outside.of(containerId),
      onViolation,
    })
    const ports = { first: 19_000, last: Number(this.scenario.env.PORT_RANGE_HOST?.split('-')[1]) }
    this.chaos = new Chaos({
      storage: this.storage,
      clock,
      random: random.stream('chaos'),
      host,
      server,
      operators,
      callers,
      trace,
      coverage,
      ports,
    })
    const tunnels = new TunnelChecks({ clock, books, host, server, coverage, onViolation })
    this.vpn = new VpnChecks({ clock, http, books, host, outside, tunnels, onViolation })
    this.promises = new PromiseChecks({
      vpn: this.vpn,
      outside,
      hosts: this.hosts,
      clock,
      http,
      books,
      host,
      server,
      orders,
      trace,
      outageSinceMs,
      coverage,
      choices,
      onViolation,
    })
    this.proxies = new Proxies({
      ...{ clock, http, choices, coverage, random, onViolation },
      scenario: this.scenario,
      provision: (caller, wish) => this.#provision(caller, wish),
    })
    const { viewers, proxies } = this
    this.crowds = new Crowds({ clock, coverage, viewers, proxies: proxies.all, onFailure: onViolation })
  }

  /** Notes a violation. The run ends after the present step. */
  violate(text: string): void {
    this.violations.push(text)
    this.trace.note('VIOLATION', text)
  }

  /** Starts the orchestrator's process with this configuration. */
  startServer(env: Readonly<Record<string, string>>, onDeath?: () => void): void {
    const config = configOf(env)
    this.#config = config
    this.#failureThreshold = config.HEALTH_FAILURE_THRESHOLD
    this.#noticeMs = Math.max(
      config.HEALTH_CHECK_INTERVAL_S * 1_000 + PROBE_MS,
      config.COLLECT_INTERVAL_S * 2_500,
    )
    this.server.start(env, onDeath)
  }

  #commitChecks(onViolation: OnViolation, onEntry: (entry: JournalBook) => void): CommitChecks {
    const { books, coverage, trace } = this
    return new CommitChecks({
      books,
      coverage,
      trace,
      maxReplicas: () => this.#config?.MAX_REPLICAS ?? 0,
      onEntry,
      onViolation,
    })
  }

  #choiceChecks(onViolation: OnViolation): ChoiceChecks {
    const { clock, books, coverage, trace } = this
    const { perEngine } = this.scenario.audience
    const life = (): number => this.server.lives
    const lifeSinceMs = (): number => this.server.lifeSinceMs
    const viewerWaitMs = viewerWaitS(this.scenario) * 1_000
    const wasStorageFelt = (sinceMs: number): boolean => this.storage.wasFeltSince(sinceMs)
    return new ChoiceChecks({
      ...{
        clock,
        books,
        coverage,
        trace,
        perEngine,
        life,
        lifeSinceMs,
        viewerWaitMs,
        wasStorageFelt,
        onViolation,
      },
    })
  }

  #drainChecks(onViolation: OnViolation): DrainChecks {
    const { books, orders } = this
    return new DrainChecks({
      books,
      orders,
      config: () => this.#config,
      failuresOf: (id) => this.server.failuresOf(id),
      wasNodeInTrouble: (name) => this.vpn.wasNodeInTrouble(name),
      forwardedPorts: (name) => this.host.nodes.named(name)?.toldPorts ?? [],
      mayBeExpected: (containerId) => this.choices.mayBeExpected(containerId),
      mayHavePlayedNothing: ({ container_id: id, container_started_at: startedAt }) => {
        const process = this.host.process(id ?? '')
        // A start that nobody has looked at yet is not judged.
        return process?.startedAtMs !== startedAt || process.wasMute || process.hasMetDead
      },
      outsideOf: (containerId) => this.outside.of(containerId),
      onViolation,
    })
  }

  #endingChecks(onViolation: OnViolation): EndingChecks {
    const { clock, books, host, orders } = this
    return new EndingChecks({
      clock,
      noticeMs: () => this.#noticeMs,
      books,
      host,
      server: () => this.server,
      viewers: () => this.viewers,
      orders,
      failureThreshold: () => this.#failureThreshold,
      isForbidden: (containerId) => this.outside.isForbidden(containerId),
      onViolation,
    })
  }

  /** Sends a POST for an engine and checks at the same instant what its answer promises. */
  async #provision(
    caller: string,
    { key, patienceMs, body, content, userAgent, apiKey = API_KEY }: Parameters<Provision>[1],
  ): Promise<Answer | null> {
    const { http, trace, coverage, promises, choices } = this
    const answer = await http.ask({
      method: 'POST',
      path: '/provision/acestream',
      body,
      timeoutMs: patienceMs,
      apiKey,
      ...(key === undefined ? {} : { key }),
      ...(userAgent === undefined ? {} : { userAgent }),
    })
    trace.note(caller, `POST provision${key === undefined ? '' : ' with a key'}: ${answerText(answer)}`)
    tally(coverage, `provision ${answer?.status ?? 'unanswered'}`)
    if (answer === null) choices.unanswered()
    else if (codeOf(answer) === 'max_capacity') choices.refused()
    if (answer?.status === 200) {
      await promises.promised(containerOf(answer), key ?? caller)
      choices.granted(caller, content ?? null, containerOf(answer), key)
    }
    return answer
  }
}

const containerOf = ({ body }: Answer): string => (body as { container_id: string }).container_id

function answerText(answer: Answer | null): string {
  if (answer === null) return 'no answer'
  if (answer.status === 200) return `200 ${containerOf(answer).slice(0, 6)}`
  return `${answer.status} ${codeOf(answer) ?? ''}`
}

const codeOf = ({ body }: Answer): string | undefined => (body as { readonly code?: string }).code
