import type { FaultStore } from '../engine/fault-store.ts'
import type { Admission } from './access.ts'
import type { CallBook } from './call-book.ts'
import type { Faults } from './faults.ts'
import type { Gluetun } from './gluetun.ts'
import { type ControlRequest, emptyReply, errorReply, pathOf, type Reply } from './reply.ts'
import { answer } from './routes.ts'

/** What the control server needs to answer. */
export interface ControlServing {
  readonly gluetun: Gluetun
  readonly admission: Admission
  readonly board: FaultStore<Faults>
  readonly calls: CallBook
}

/** Answers one request of the control server, or makes it hang or fail according to the faults, and counts it. */
export async function serveControl(
  request: ControlRequest,
  serving: ControlServing,
  signal: AbortSignal,
): Promise<Reply | null> {
  const route = `${request.method} ${pathOf(request.target)}`
  const { board, calls } = serving
  // A hanging call is counted at once, because a test wants to see that it was received.
  if (board.faults.control_hang) calls.note(route, 'none')
  await board.until(() => !board.faults.control_hang, signal)
  const reply = signal.aborted ? null : await undisturbed(request, serving)
  calls.note(route, reply?.status ?? 'none')
  return reply
}

async function undisturbed(
  request: ControlRequest,
  { gluetun, admission, board }: ControlServing,
): Promise<Reply | null> {
  const { control_status: status, garbage } = board.faults
  if (status !== null) return errorReply(status, STATUS_TEXTS[status] ?? `status ${status}`)
  if (garbage !== null) return { status: 200, headers: {}, body: garbage }
  return admission(request) ?? (await answer(gluetun, request))
}

/** Go's texts for the statuses of a control server. */
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}

/** Answers one request of the health server, with any path. */
export async function serveHealth(
  { method }: ControlRequest,
  gluetun: Gluetun,
  board: FaultStore<Faults>,
  signal: AbortSignal,
): Promise<Reply | null> {
  await board.until(() => board.faults.health !== 'hang', signal)
  if (method !== 'GET') return errorReply(400, 'method not supported for healthcheck')
  const error = gluetun.healthError
  return error === null ? emptyReply : errorReply(500, error)
}
