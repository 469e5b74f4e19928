import { Elysia } from 'elysia'
import { auth, Keys, requireKey, type Sleep } from './auth.ts'
import { bodiesOf, lengthFailure, SERVER_BODY_BYTES_MAX } from './bodies.ts'
import { BodiesAtOnce } from './bodies-at-once.ts'
import type { AddressOf } from './callers.ts'
import { type Containers, containerRoutes } from './containers.ts'
import { docs } from './docs.ts'
import { type EngineOperations, type EngineQueries, engineRoutes } from './engines.ts'
import { entranceOf, type OnTurnedAway, shielded } from './entrance.ts'
import { type EventRefusals, eventRoutes, refusedEvents, type StreamEvents } from './events.ts'
import { feedRoutes, type LiveFeed } from './feed.ts'
import { type Fleet, fleetRoutes } from './fleet.ts'
import { type JournalQueries, journalRoutes } from './journal.ts'
import type { Keyed } from './openapi.ts'
import { internalError, type OnDefect, problem, problems, type Translate } from './problems.ts'
import { type Provisioning, provisionRoutes } from './provision.ts'
import { probeRoutes, type StatusQueries, statusRoutes } from './status.ts'
import { type StreamOperations, type StreamQueries, streamRoutes } from './streams.ts'

/** All that the API needs of the application. */
export interface Services {
  readonly engines: EngineQueries
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
  readonly status: StatusQueries
}

export interface AppOptions {
  /** Each of them is accepted; without any everything is open. */
  readonly apiKeys: readonly string[]
  /** Whether reads need the key, too. */
  readonly areReadsProtected: boolean
  /** For answers that are held back. */
  readonly sleep: Sleep
  /** Names that a `Host` may have beside those that `doorsOf` knows. */
  readonly hosts: readonly string[]
  readonly version: string
  readonly onTurnedAway: OnTurnedAway
  readonly translate: Translate
  readonly onDefect: OnDefect
}

/**
 * One router, which looks for the path behind the scheme: Bun's own would read it in a way of its own, and Elysia's by default skips
 * so many letters that a host of one or two is taken for a part of the path.
 */
const ONE_READING = { systemRouter: false, handler: { standardHostname: false } } as const

/** The whole HTTP interface; it does not listen yet. */
export function createApp(services: Services, options: AppOptions) {
  const keys = new Keys(options.apiKeys, options.sleep)
  const { around, received } = entranceOf(options.hosts, options.onTurnedAway)
  const addressOf: AddressOf = (request, server) => server?.requestIP(received(request))?.address ?? null
  const routes = new Elysia({ name: 'routes' })
    .use(provisionRoutes(services.provisioning))
    .use(engineRoutes(services.engines, services.operations))
    .use(fleetRoutes(services.fleet))
    .use(streamRoutes(services.streams, services.streamOperations))
    .use(eventRoutes(services.events))
    .use(journalRoutes(services.journal))
    .use(feedRoutes(services.feed, addressOf))
    .use(containerRoutes(services.containers, requireKey(keys)))
    .use(statusRoutes(services.status))
    .use(probeRoutes(services.status))
  const allowedMethods = methodsOf(routes.routes)
  const readBody = bodiesOf(routes.routes)
  const bodies = new BodiesAtOnce()
  return (
    // The default way of dropping unknown members takes an array for an empty object; TypeBox's own does not.
    new Elysia({
      name: 'app',
      ...ONE_READING,
      allowUnsafeValidationDetails: true,
      normalize: 'typebox',
      serve: serveOptions(options.onDefect),
    })
      // Its type says that a router gives functions.
      .wrap((route) => around(route as unknown as Parameters<typeof around>[0]) as never)
      .use(problems({ translate: options.translate, onDefect: options.onDefect, allowedMethods }))
      .use(auth(keys, options.areReadsProtected, refusedEvents(services.eventRefusals), addressOf))
      .onRequest(({ request }) => {
        const failure = lengthFailure(request)
        if (failure !== null) return problem(failure)
      })
      .onParse({ as: 'global' }, ({ request, route, server }) =>
        bodies.reading(addressOf(request, server), () => readBody(request, route)),
      )
      .use(routes)
      .use(docs(routes, { version: options.version, keyed: keyedBy(options) }))
      .get('/', ({ redirect }) => redirect('/swagger'), { detail: { hide: true } })
      // The health check of load balancers, as HAProxy sends it by default.
      .options('/', () => new Response(null, { status: 204, headers: { allow: 'GET, HEAD, OPTIONS' } }), {
        detail: { hide: true },
      })
  )
}

/** How the app is served, wherever it listens. */
const serveOptions = (onDefect: OnDefect) => ({
  // Bun's page for developers shows our source to whoever brings about an error.
  development: false,
  // A second server on one port would get half of the requests, and nobody would know.
  reusePort: false,
  maxRequestBodySize: SERVER_BODY_BYTES_MAX,
  /** What got past the answer to every error. */
  error: (error: unknown): Response => {
    onDefect(error, null)
    return shielded(internalError())
  },
})

/** What the API document says of the key. */
function keyedBy({ apiKeys, areReadsProtected }: AppOptions): Keyed {
  if (apiKeys.length === 0) return 'optional'
  return areReadsProtected ? 'everything' : 'changes'
}

/** The methods that a path takes, for the answer to one that it does not. */
function methodsOf(routes: readonly { readonly path: string; readonly method: string }[]) {
  const patterns = routes.map(({ path, method }) => ({
    method,
    pattern: new RegExp(`^${path.replaceAll(/:[a-z]+/g, '[^/]+')}$`),
  }))
  return (path: string): readonly string[] =>
    patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
}
