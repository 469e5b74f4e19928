import type { Config } from '../config/config.ts'
import type { ContainerLogs } from '../control/containers/container-logs.ts'
import type { Observer } from '../control/containers/observer.ts'
import type { OwnContainers } from '../control/containers/own-containers.ts'
import type { Remover } from '../control/containers/remover.ts'
import type { EngineTemplate } from '../control/engines/template.ts'
import {
  CallerGone,
  CONTAINER_NOT_FOUND,
  EngineNotRunning,
  ImageNotAllowed,
  InvalidRequest,
  KeyReused,
  NotFound,
} from '../control/errors.ts'
import type { Facts } from '../control/facts/facts.ts'
import type { Feed } from '../control/feed/feed.ts'
import type { Operator } from '../control/fleet/operator.ts'
import type { GenericProvisioner } from '../control/provisioning/generic.ts'
import type { Provisioner } from '../control/provisioning/provisioner.ts'
import { checkEngineRequest, genericRequest, type RequestLimits } from '../control/provisioning/requests.ts'
import type { ProxyWatch } from '../control/proxies/proxy-watch.ts'
import type { Caller } from '../control/reporting/caller.ts'
import type { RefusedEvents } from '../control/reporting/refused-events.ts'
import type { RequestLog } from '../control/reporting/request-log.ts'
import type { Story } from '../control/reporting/story.ts'
import type { StreamBooks } from '../control/streams/stream-books.ts'
import type { StreamStops } from '../control/streams/stream-stops.ts'
import type { EngineViews } from '../control/views/engine-views.ts'
import type { JournalViews } from '../control/views/journal-views.ts'
import type { StreamViews } from '../control/views/stream-views.ts'
import type { UsageViews } from '../control/views/usage-views.ts'
import { postRefusal } from '../core/provisioning/post-refusal.ts'
import {
  ProvisionRefused,
  type Refusal,
  runtimeUnavailable,
  storageUnavailable,
} from '../core/provisioning/refusal.ts'
import type { Services } from '../http/app.ts'
import { type Failure, invalidFailure, type Translate } from '../http/problems.ts'
import type { StreamQuery } from '../http/streams.ts'
import type { Counters } from '../metrics/counters.ts'
import { RuntimeFailure } from '../runtime/runtime.ts'
import { storageFailureOf } from '../store/failure.ts'
import type { Store } from '../store/store.ts'
import type { Answers } from './answers.ts'
import { type Finders, readiness } from './readiness.ts'

export interface ServiceParts {
  readonly store: Pick<Store, 'read' | 'failure'>
  readonly template: EngineTemplate
  readonly provisioner: Provisioner
  readonly generic: GenericProvisioner
  readonly remover: Remover
  readonly containers: OwnContainers
  readonly containerLogs: ContainerLogs
  readonly proxies: ProxyWatch
  readonly engineViews: EngineViews
  readonly streamViews: StreamViews
  readonly usageViews: UsageViews
  readonly requestLimits: RequestLimits
  readonly journalViews: JournalViews
  readonly feed: Feed
  readonly books: StreamBooks
  readonly refusedEvents: RefusedEvents
  readonly requestLog: RequestLog
  readonly story: Story
  readonly streamStops: StreamStops
  readonly observer: Observer
  readonly hostWatch: Finders['hostWatch']
  readonly facts: Pick<Facts, 'docker' | 'forbidden'>
  readonly operator: Operator
  readonly answers: Answers
  readonly counters: Counters
}

/** Adapts the control layer to the interfaces that the routes declare. */
export function createServices(parts: ServiceParts): Services {
  const { template, provisioner, generic, remover, containers, books, observer, counters } = parts
  const { engineViews, streamViews, streamStops, requestLimits, proxies } = parts
  return {
    ...queriesOf(parts),
    operations: {
      drain: (idOrName) => {
        const { id } = parts.operator.drain(idOrName)
        const shown = engineViews.one(id)
        if (shown === null) throw new NotFound(`no engine ${idOrName}`)
        return shown
      },
    },
    fleet: {
      scale: (requested) => parts.operator.scale(requested),
      unscale: () => parts.operator.unscale(),
      pass: () => observer.passNow(),
      plan: () => parts.answers.plan.read(),
    },
    streamOperations: {
      stop: async (streamId) => {
        const { stream, ...outcome } = await streamStops.stop(streamId)
        return { ...outcome, stream: streamViews.view(stream) }
      },
    },
    events: {
      start: async (event, caller) => {
        counters.eventStarted()
        heard(parts, caller)
        const stream = await books.start(event, caller)
        if (stream.status === 'started' && stream.engineId !== null)
          parts.store.read(() => proxies.played(caller))
        return streamViews.view(stream)
      },
      end: async (streamId, reason, caller) => {
        counters.eventEnded()
        heard(parts, caller)
        const stream = await books.end(streamId, reason, caller)
        return stream && streamViews.view(stream)
      },
    },
    eventRefusals: parts.refusedEvents,
    journal: parts.journalViews,
    feed: parts.feed,
    provisioning: {
      engine: async (request, idempotencyKey, caller, signal) => {
        proxies.noteContact(caller)
        const wanted = checkEngineRequest(request, template, requestLimits)
        const engine = await refusing(parts, caller, () =>
          provisioner.provision(wanted, idempotencyKey, signal),
        )
        counters.provisioned('acestream')
        return {
          container_id: engine.containerId ?? '',
          container_name: engine.name,
          host_http_port: engine.hostHttpPort,
          container_http_port: engine.httpPort,
          container_https_port: engine.httpsPort,
        }
      },
      generic: async (request, caller) => {
        const wanted = genericRequest(request, template, requestLimits)
        const { containerId, name } = await refusing(parts, caller, () => generic.provision(wanted))
        counters.provisioned('generic')
        return { container_id: containerId, container_name: name }
      },
    },
    containerLogs: parts.containerLogs,
    containers: {
      show: (id) => containers.show(id),
      byLabel: (key, value) => containers.byLabel(key, value),
      remove: (id) => remover.remove(id),
    },
  }
}

/** Notes that a proxy reported something, with the right key. */
function heard({ proxies, refusedEvents }: ServiceParts, caller: Caller): void {
  proxies.heard(caller)
  refusedEvents.accepted(caller.address)
}

/**
 * The services that answer from the known state. They still answer if the database turns out to be unreadable during the
 * request.
 */
function queriesOf(parts: ServiceParts): Pick<Services, 'engines' | 'usage' | 'streams' | 'status'> {
  const { store, engineViews, usageViews, streamViews, answers, operator, proxies } = parts
  return {
    engines: {
      listedJson: (caller) => {
        proxies.noteContact(caller)
        return store.read(() => engineViews.listedJson(caller.agent))
      },
      allJson: () => store.read(() => engineViews.allJson()),
      one: (idOrName) => store.read(() => engineViews.one(idOrName)),
    },
    usage: {
      one: (idOrName) => store.read(() => usageViews.one(idOrName)),
      all: () => store.read(() => usageViews.all()),
    },
    streams: {
      list: (query, caller) => {
        if (isQuestion(query)) proxies.noteContact(caller)
        return store.read(() => {
          const page = streamViews.list(query)
          if (isQuestion(query))
            proxies.asked(query.containerId, streamViews.startedOn(query.containerId), caller.agent)
          return page
        })
      },
      one: (streamId) => store.read(() => streamViews.one(streamId)),
      stats: (streamId, sinceMs) => store.read(() => streamViews.stats(streamId, sinceMs)),
    },
    status: {
      orchestrator: (caller) => {
        proxies.noteContact(caller)
        return store.read(() => answers.status.read())
      },
      vpn: () => store.read(() => answers.vpn.read()),
      health: () => store.read(() => answers.health.read()),
      resetBreakers: (name) => operator.resetBreakers(name),
      readiness: () => readiness(parts),
      metrics: () => answers.metrics.read(),
    },
  }
}

/** Whether this is what a proxy asks about each engine before it chooses one. */
const isQuestion = (query: StreamQuery): query is StreamQuery & { containerId: string } =>
  query.status === 'started' && query.containerId !== undefined

/**
 * Passes on the outcome of a provision. A failure of the storage is a refusal, too. Counts refusals by their codes, and logs
 * them.
 */
const refusing = <T>(
  { counters, story, requestLog }: Pick<ServiceParts, 'counters' | 'story' | 'requestLog'>,
  caller: Caller,
  provision: () => Promise<T>,
): Promise<T> =>
  story.by(caller, provision).catch((error: unknown) => {
    const refused = provisionRefusedBy(error)
    if (refused === null) throw error
    counters.provisionFailed(refused.refusal.code)
    requestLog.provisionRefused(refused.refusal, caller)
    throw refused
  })

function provisionRefusedBy(error: unknown): ProvisionRefused | null {
  if (error instanceof ProvisionRefused) return error
  const storage = storageFailureOf(error)
  return storage === null ? null : new ProvisionRefused(storageUnavailable(storage.message), error)
}

/** How refused provisions are answered. */
type RefusalAnswers = Pick<Config, 'PROVISION_ERROR_DETAIL' | 'VIEWER_WAIT_S'>

/**
 * Returns a function that gives each expected error of the control layer its HTTP status. This is the one place where a
 * refused provision becomes the answer of a POST, which proxies wait by; every other answer tells the honest time.
 */
export const createTranslate =
  ({ PROVISION_ERROR_DETAIL: form, VIEWER_WAIT_S: viewerWaitS }: RefusalAnswers): Translate =>
  (error) => {
    if (error instanceof ProvisionRefused) return refused(postRefusal(error.refusal, viewerWaitS), form)
    if (error instanceof NotFound) return { status: 404, code: 'not_found', message: error.message }
    if (error instanceof EngineNotRunning)
      return {
        status: 409,
        code: 'engine_provisioning',
        message: error.message,
        etaSeconds: 2,
        shouldWait: true,
      }
    if (error instanceof CallerGone) return { status: 499, code: 'caller_gone', message: error.message }
    if (error instanceof RuntimeFailure) return runtimeFailed(error)
    const storage = storageFailureOf(error)
    return storage === null ? requestFailed(error) : refused(storageUnavailable(storage.message), 'object')
  }

/**
 * Errors in the request itself. A forbidden image is well-formed but not allowed for this caller, so it is a 403 that names
 * no field.
 */
function requestFailed(error: unknown): Failure | null {
  if (error instanceof ImageNotAllowed)
    return { status: 403, code: 'image_not_allowed', message: error.message }
  if (error instanceof KeyReused)
    return fields([{ path: ['header', 'idempotency-key'], message: error.message }])
  return error instanceof InvalidRequest ? fields(error.fields) : null
}

/** The refusals that waiting does not end. */
const PERMANENT = new Set<Refusal['code']>(['image_missing', 'general_error'])

const refused = (refusal: Refusal, form: Config['PROVISION_ERROR_DETAIL']): Failure => ({
  status: PERMANENT.has(refusal.code) ? 500 : 503,
  code: refusal.code,
  message: refusal.message,
  etaSeconds: refusal.etaSeconds,
  shouldWait: refusal.shouldWait,
  detail: form === 'auto' ? (refusal.code === 'vpn_disconnected' ? 'text' : 'object') : form,
})

const fields = (errors: InvalidRequest['fields']): Failure =>
  invalidFailure(errors.map(({ path, message }) => ({ loc: path, msg: message, type: 'value_error' })))

function runtimeFailed(failure: RuntimeFailure): Failure {
  if (failure.code === 'unreachable') return refused(runtimeUnavailable(failure.message), 'object')
  if (failure.code === 'not_found') return { status: 404, code: 'not_found', message: CONTAINER_NOT_FOUND }
  return { status: 500, code: 'general_error', message: failure.message }
}
