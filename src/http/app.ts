import { Elysia } from 'elysia'
import { Keys, keyGuard, type RefusedRequest, requireKey, type Sleep } from './auth.ts'
import { bodiesOf, lengthGuard, SERVER_BODY_BYTES_MAX } from './bodies.ts'
import { BodiesAtOnce } from './bodies-at-once.ts'
import { type AddressOf, type CallerOf, type KeepOpen, noted, Reader, SILENCE_MAX_S } from './callers.ts'
import { type ContainerLogs, containerLogRoutes } from './container-logs.ts'
import { type Containers, containerRoutes } from './containers.ts'
import { docs } from './docs.ts'
import { engineStatsRoutes, type UsageQueries } from './engine-stats.ts'
import { type EngineOperations, type EngineQueries, engineRoutes } from './engines.ts'
import { type AnsweredRequest, entranceOf, type Handle, type OnTurnedAway } from './entrance.ts'
import { type EventRefusals, eventRoutes, refusedRequests, type StreamEvents } from './events.ts'
import { feedRoutes, type LiveFeed } from './feed.ts'
import { type Fleet, fleetRoutes } from './fleet.ts'
import { type JournalQueries, journalRoutes } from './journal.ts'
import type { Keyed } from './openapi.ts'
import { type PanelFiles, panelRoutes } from './panel.ts'
import { internalError, type OnDefect, problems, type Translate } from './problems.ts'
import { type Provisioning, provisionRoutes } from './provision.ts'
import { knownParameters } from './queries.ts'
import { RequestIds } from './request-ids.ts'
import { shielded } from './shield.ts'
import { shortcutsOf } from './shortcuts.ts'
import { probeRoutes, type StatusQueries, statusRoutes } from './status.ts'
import { type StreamOperations, type StreamQueries, streamRoutes } from './streams.ts'
import { unknownNamesOf } from './unknown-names.ts'

/** Everything that the API needs from the application. */
export interface Services {
  readonly engines: EngineQueries
  readonly usage: UsageQueries
  readonly operations: EngineOperations
  readonly fleet: Fleet
  readonly streams: StreamQueries
  readonly streamOperations: StreamOperations
  readonly events: StreamEvents
  readonly eventRefusals: EventRefusals
  readonly journal: JournalQueries
  readonly feed: LiveFeed
  readonly provisioning: Provisioning
  readonly containers: Containers
  readonly containerLogs: ContainerLogs
  readonly status: StatusQueries
}

export interface AppOptions {
  /** Each of these keys is accepted. Without any key the API is open. */
  readonly apiKeys: readonly string[]
  /** Whether reads need the key, too. */
  readonly areReadsProtected: boolean
  /** Delays the answer to a wrong key. */
  readonly sleep: Sleep
  /** Names that a `Host` header may have, in addition to those that `doorsOf` knows. */
  readonly hosts: readonly string[]
  readonly version: string
  /** Reads the files of the page for people. */
  readonly panel: () => Promise<PanelFiles>
  readonly onTurnedAway: OnTurnedAway
  /** Is told of each request that changes something; of reads, too, if `tellsReads`. */
  readonly onAnswered: (answered: AnsweredRequest) => void
  readonly tellsReads: boolean
  /** Is told of each request that was refused because of its key, unless it reports a stream. */
  readonly onRefused: (refused: RefusedRequest) => void
  /** Milliseconds. */
  readonly now: () => number
  /** Tells the ids of this process's requests from those of others. */
  readonly idPrefix: string
  readonly translate: Translate
  /** Is told of unexpected errors, with the request and its id if they are still known. */
  readonly onDefect: (error: unknown, request: Request | null, id: string | null) => void
}

/**
 * Settings that leave one router, which looks for the path after the scheme. Bun's own router would parse the URL in another
 * way. Elysia's router by default skips a fixed number of letters, so it takes a host of one or two letters for a part of
 * the path.
 */
const ONE_READING = { systemRouter: false, handler: { standardHostname: false } } as const

/** Puts the whole HTTP interface together. The app does not listen yet. */
export function createApp(services: Services, options: AppOptions) {
  const keys = new Keys(options.apiKeys, options.sleep)
  const ids = new RequestIds(options.idPrefix)
  const asked = {
    idOf: (request: Request) => ids.of(received(request)),
    addressOf: (request: Request) => addressOf(request),
  }
  const readerOf: CallerOf = (request) => new Reader(request, asked)
  const callerOf: CallerOf = (request) => noted(readerOf(request))
  const onRefused = refusedRequests(services.eventRefusals, options.onRefused)
  const { around, received } = entranceOf({
    ...options,
    ids,
    guards: [keyGuard(keys, options.areReadsProtected, onRefused, callerOf), lengthGuard],
    shortcuts: shortcutsOf(services, readerOf),
    callerOf,
  })
  const addressOf: AddressOf = (request) => app.server?.requestIP(received(request))?.address ?? null
  const keepOpen: KeepOpen = (request) => app.server?.timeout(received(request), SILENCE_MAX_S)
  const key = requireKey(keys, onRefused, callerOf)
  const routes = new Elysia({ name: 'routes' })
    .use(provisionRoutes(services.provisioning, callerOf))
    .use(engineRoutes(services.engines, services.operations, readerOf))
    .use(engineStatsRoutes(services.usage))
    .use(fleetRoutes(services.fleet))
    .use(streamRoutes(services.streams, services.streamOperations, readerOf))
    .use(eventRoutes(services.events, callerOf))
    .use(journalRoutes(services.journal))
    .use(feedRoutes(services.feed, addressOf))
    .use(containerRoutes(services.containers, key))
    .use(containerLogRoutes(services.containerLogs, key, { addressOf, keepOpen }))
    .use(statusRoutes(services.status, readerOf))
    .use(probeRoutes(services.status))
  const allowedMethods = methodsOf(routes.routes)
  const unknownNames = unknownNamesOf(routes.routes)
  const readBody = bodiesOf(routes.routes, unknownNames)
  const bodies = new BodiesAtOnce()
  const onDefect: OnDefect = (error, request) =>
    options.onDefect(error, request, request && ids.of(received(request)))
  const entered = onceFor(around)
  const app =
    // Elysia's default way of dropping unknown members accepts an array as an empty object; TypeBox's own does not.
    new Elysia({
      name: 'app',
      ...ONE_READING,
      allowUnsafeValidationDetails: true,
      normalize: 'typebox',
      serve: serveOptions(onDefect),
    })
      // The type of `wrap` says that a router gives functions.
      .wrap((router) => entered(router as unknown as Handle) as never)
      .use(problems({ translate: options.translate, onDefect, allowedMethods, unknownNames }))
      .onParse({ as: 'global' }, ({ request, route }) =>
        bodies.reading(addressOf(request), () => readBody(request, route)),
      )
      .use(knownParameters(unknownNames))
      .use(routes)
      .use(docs(routes, { version: options.version, keyed: keyedBy(options) }))
      .use(panelRoutes(options.panel))
      .use(rootRoutes())
  return app
}

/** Elysia asks for the wrapped router again at each request, so it is kept until the router is another one. */
function onceFor(wrap: (router: Handle) => Handle): (router: Handle) => Handle {
  let kept: { readonly router: Handle; readonly wrapped: Handle } | null = null
  return (router) => {
    if (kept?.router !== router) kept = { router, wrapped: wrap(router) }
    return kept.wrapped
  }
}

const rootRoutes = () =>
  new Elysia({ name: 'root', detail: { hide: true } })
    // Relative, as all our addresses: a reverse proxy may have taken a prefix away.
    .get('/', ({ redirect }) => redirect('panel'))
    // Load balancers use this as their health check; HAProxy does by default.
    .options('/', () => new Response(null, { status: 204, headers: { allow: 'GET, HEAD, OPTIONS' } }))

/** Options of the server, the same for every address that it listens on. */
const serveOptions = (onDefect: OnDefect) => ({
  // Bun's development page would show our source to anybody who causes an error.
  development: false,
  // Without this, a second server could listen on the same port and would get half of the requests unnoticed.
  reusePort: false,
  maxRequestBodySize: SERVER_BODY_BYTES_MAX,
  /** Answers errors that `problems` did not catch. */
  error: (error: unknown): Response => {
    onDefect(error, null)
    return shielded(internalError())
  },
})

/** Which requests need the key, for the API document. */
function keyedBy({ apiKeys, areReadsProtected }: AppOptions): Keyed {
  if (apiKeys.length === 0) return 'optional'
  return areReadsProtected ? 'everything' : 'changes'
}

/** Finds the methods that a path accepts, for the answer to a method that it does not accept. */
function methodsOf(routes: readonly { readonly path: string; readonly method: string }[]) {
  const patterns = routes.map(({ path, method }) => ({
    method,
    pattern: new RegExp(`^${path.replaceAll(/:[a-z]+/g, '[^/]+')}$`),
  }))
  return (path: string): readonly string[] =>
    patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
}
