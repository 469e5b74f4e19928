import { Elysia } from 'elysia'
import { auth } from './auth.ts'
import { type Containers, containerRoutes } from './containers.ts'
import { docs } from './docs.ts'
import { type EngineQueries, engineRoutes } from './engines.ts'
import { eventRoutes, type StreamEvents } from './events.ts'
import { problem, problems, type Translate } from './problems.ts'
import { type Provisioning, provisionRoutes } from './provision.ts'
import { probeRoutes, type StatusQueries, statusRoutes } from './status.ts'
import { type StreamQueries, streamRoutes } from './streams.ts'

/** All that the API needs of the application. */
export interface Services {
  readonly engines: EngineQueries
  readonly streams: StreamQueries
  readonly events: StreamEvents
  readonly provisioning: Provisioning
  readonly containers: Containers
  readonly status: StatusQueries
}

export interface AppOptions {
  /** Null leaves everything open. */
  readonly apiKey: string | null
  readonly version: string
  readonly translate: Translate
  readonly onDefect: (error: unknown, request: Request) => void
}

/** Largest body taken; acexy's events have less than 1 kB. */
export const BODY_BYTES_MAX = 1_048_576

/** The whole HTTP interface; it does not listen yet. */
export function createApp(services: Services, options: AppOptions) {
  const routes = new Elysia({ name: 'routes' })
    .use(provisionRoutes(services.provisioning))
    .use(engineRoutes(services.engines))
    .use(streamRoutes(services.streams))
    .use(eventRoutes(services.events))
    .use(containerRoutes(services.containers))
    .use(statusRoutes(services.status))
    .use(probeRoutes(services.status))
  const allowedMethods = methodsOf(routes.routes)
  return (
    new Elysia({ name: 'app', allowUnsafeValidationDetails: true })
      .use(problems({ translate: options.translate, onDefect: options.onDefect, allowedMethods }))
      .use(auth(options.apiKey))
      .onRequest(({ request }) => {
        if (Number(request.headers.get('content-length') ?? 0) <= BODY_BYTES_MAX) return
        return problem({
          status: 413,
          code: 'too_large',
          message: `a body has ${BODY_BYTES_MAX} bytes at most`,
        })
      })
      // Bodies are JSON whatever their content type says: people forget the header of `curl -d`. None is an empty object.
      .onParse({ as: 'global' }, async ({ request }) => {
        const text = await request.text()
        return text.trim() === '' ? {} : JSON.parse(text)
      })
      .use(routes)
      .use(docs(routes, options.version))
      .get('/', ({ redirect }) => redirect('/swagger'), { detail: { hide: true } })
  )
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
