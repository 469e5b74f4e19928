import type { Caller, CallerOf } from './callers.ts'
import type { EngineQueries } from './engines.ts'
import { Head, JSON_TYPE, METRICS_TYPE } from './json.ts'
import type { StatusQueries } from './status.ts'
import type { StreamQueries } from './streams.ts'
import { targetOf } from './target.ts'

/** What the repeated reads ask. */
interface Queries {
  readonly engines: Pick<EngineQueries, 'listedJson'>
  readonly streams: Pick<StreamQueries, 'list'>
  readonly status: Pick<StatusQueries, 'orchestrator' | 'vpn' | 'health' | 'metrics'>
}

interface Shortcut {
  readonly head: Head
  readonly body: (caller: Caller) => string | Blob | Promise<Blob>
}

/**
 * Answers a read that is repeated, with the id of its request and all other headers. Null if it is none of these, or if it
 * failed: the router tells how.
 */
export type Shortcuts = (request: Request, id: string) => Response | Promise<Response | null> | null

/** What acexy asks about each engine before it chooses one, by the id of its container or of its service. */
const QUESTION = /^\/streams\?container_id=([\da-z]{25}|[\da-f]{64})&status=started$/

/**
 * Answers the reads that proxies, panels and monitors repeat, where they are spelt as these spell them. The router costs more
 * than these answers, and has nothing to do for them: no check of a query, and no part of a path.
 */
export function shortcutsOf({ engines, streams, status }: Queries, callerOf: CallerOf): Shortcuts {
  const head = new Head(JSON_TYPE)
  const started = (containerId: string): Shortcut => ({
    head,
    body: (caller) => streams.list({ status: 'started', containerId }, caller).json,
  })
  const repeated = new Map<string, Shortcut>([
    ['/engines', { head, body: (caller) => engines.listedJson(caller) }],
    ['/streams?status=started', { head, body: (caller) => streams.list({ status: 'started' }, caller).json }],
    ['/orchestrator/status', { head, body: (caller) => status.orchestrator(caller) }],
    ['/vpn/status', { head, body: () => status.vpn() }],
    ['/health/status', { head, body: () => status.health() }],
    ['/metrics', { head: new Head(METRICS_TYPE), body: () => status.metrics() }],
  ])
  const shortcutOf = (target: string): Shortcut | null => {
    const known = repeated.get(target)
    if (known !== undefined) return known
    const [, containerId] = QUESTION.exec(target) ?? []
    return containerId === undefined ? null : started(containerId)
  }
  return (request, id) => {
    const shortcut = request.method === 'GET' ? shortcutOf(targetOf(request.url)) : null
    return shortcut && answerOf(shortcut, callerOf(request), id)
  }
}

function answerOf({ head, body }: Shortcut, caller: Caller, id: string): ReturnType<Shortcuts> {
  try {
    const rendered = body(caller)
    if (!(rendered instanceof Promise)) return head.answer(rendered, id)
    return rendered.then(
      (text) => head.answer(text, id),
      () => null,
    )
  } catch {
    return null
  }
}
