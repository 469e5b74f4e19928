/** What must hold while Docker is away and when it is back. The ordinary tests and the long ones use this. */

import { until } from './docker.ts'
import { provision } from './fleet.ts'
import { type FleetRow, fleetOf, idsOf, planOf } from './lifecycle.ts'
import type { TestServer } from './server.ts'

/** acexy gives up after 3 s, so every answer has to come earlier. */
const PATIENCE_MS = 3_000
const READ_MAX_MS = 50
const READS = ['/engines', '/engines?status=all', '/orchestrator/status', '/streams', '/orchestrator/plan']

/** How many milliseconds answers took while Docker was away. */
export interface OutageFigures {
  /** The time of the refused call. */
  readonly postMs: number
  /** The slowest of the medians of each path. */
  readonly readMs: number
}

interface StatusView {
  readonly provisioning: { readonly can_provision: boolean; readonly blocked_reason: string | null }
}

/** Waits until the status says that Docker is not reachable. Returns the milliseconds until then. */
export async function untilKnownAway(server: TestServer): Promise<number> {
  const beganMs = performance.now()
  await until('it knows that Docker is not there', async () => {
    const { provisioning } = await server.get<StatusView>('/orchestrator/status')
    return !provisioning.can_provision && provisioning.blocked_reason === 'Docker not reachable'
  })
  return performance.now() - beganMs
}

/**
 * Throws unless a call is refused in time, reads are fast, nothing is decided, and the fleet is unchanged. To be called when
 * the server knows that Docker is away.
 */
export async function mustStandStill(
  server: TestServer,
  before: readonly FleetRow[],
): Promise<OutageFigures> {
  const beganMs = performance.now()
  const outcome = await provision(server)
  const postMs = performance.now() - beganMs
  if (outcome.kind !== 'refused' || outcome.code !== 'runtime_unavailable' || postMs > PATIENCE_MS)
    throw new Error(`a call after ${postMs} ms: ${JSON.stringify(outcome)}`)
  const readMs = Math.max(...(await Promise.all(READS.map((path) => medianReadMs(server, path)))))
  if (readMs > READ_MAX_MS) throw new Error(`a read took ${readMs} ms`)
  const { actions, waits } = await planOf(server)
  if (actions.length > 0 || !waits.every((why) => why.startsWith('Docker does not answer')))
    throw new Error(`decided without Docker: ${JSON.stringify({ actions, waits })}`)
  const after = idsOf(await fleetOf(server))
  if (after.join() !== idsOf(before).join())
    throw new Error(`another fleet without Docker: ${after.join()}\n${server.output}`)
  return { postMs, readMs }
}

/** Waits until the server plans again. Returns the milliseconds until then. To be called when Docker has just come back. */
export async function untilPlanning(server: TestServer): Promise<number> {
  const beganMs = performance.now()
  await until('it plans again', async () => {
    const { waits } = await planOf(server)
    return !waits.some((why) => /Docker does not answer|are being looked at/.test(why))
  })
  return performance.now() - beganMs
}

/** The median ignores the slower half, which other users of the machine may cause. */
async function medianReadMs(server: TestServer, path: string): Promise<number> {
  const took: number[] = []
  for (let turn = 1; turn <= 9; turn++) {
    const beganMs = performance.now()
    const status = await server.answers(path)
    if (status !== 200) throw new Error(`GET ${path}: ${status}`)
    took.push(performance.now() - beganMs)
  }
  return took.toSorted((a, b) => a - b)[4] ?? Number.NaN
}
