import { expect } from 'bun:test'
import { continuityErrors, parsePackets, parseSection } from '../emulators/engine/testing/packets.ts'
import { AcexyClient } from './acexy-client.ts'
import type { Transport } from './acexy-http.ts'
import type { Viewing } from './acexy-viewing.ts'
import { decodeEngines, decodeProvisioned } from './acexy-wire.ts'
import type { TestServer } from './server.ts'

/*
 * Scenarios of the seed (the specification that this project began with), for every kind of container engine: the orchestrator
 * as a process, the engine emulator in containers, and acexy's behaviour with its real waits.
 */

/** Two seconds of the emulator's playback, in whole packets. */
const WATCHED_BYTES = 188 * 1_300

const contentOf = (digit: string) => ({ by: 'id', key: digit.padStart(40, 'c') }) as const

/** An orchestrator without engines, and how requests of acexy are sent, by default from this machine. */
export interface Stage {
  readonly server: TestServer
  readonly apiKey?: string
  readonly send?: Transport['send']
}

/** An engine that was provisioned, and what the next `GET /engines` listed. */
interface Look {
  readonly provisioned: string
  readonly listed: readonly string[]
}

/** Starts acexy, and reads the list of engines right after each of its provisions. Whoever started it stops it. */
export async function startedClient(stage: Stage): Promise<{ acexy: AcexyClient; looks: readonly Look[] }> {
  const { server, send = fetch, ...key } = stage
  const looks: Look[] = []
  const sendAndLook = async (request: Request): Promise<Response> => {
    const response = await send(request)
    if (request.url.endsWith('/provision/acestream') && response.ok) {
      const { container_id } = decodeProvisioned(await response.clone().text())
      looks.push({ provisioned: container_id, listed: await inView(server) })
    }
    return response
  }
  const acexy = new AcexyClient({ url: server.url, ...key, send: sendAndLook })
  await acexy.start()
  return { acexy, looks }
}

/** Scenario 1: a stream is asked for where there is no engine. */
export async function firstStream(stage: Stage): Promise<void> {
  const { server } = stage
  const { acexy, looks } = await startedClient(stage)
  expect(await listed(server)).toEqual([])

  const viewing = await acexy.watch(contentOf('1'))
  const { route, streamId } = viewing.viewed
  expect(looks).toEqual([
    { provisioned: route.provisioned?.container_id ?? '', listed: [containerOf(viewing)] },
  ])
  console.log('✅ CRITICAL SUCCESS: Provisioned engine found in state immediately!')

  await mustPlay(viewing)
  expect(await streamIds(server, 'started')).toEqual([streamId])
  expect((await listed(server)).map(({ streams }) => streams)).toEqual([[streamId]])
  await viewing.leave()
  expect(await streamIds(server, 'started')).toEqual([])
  expect(await streamIds(server, 'ended')).toEqual([streamId])
  expect(acexy.troubles).toEqual([])
  acexy.stop()
}

/** Scenario 3: a third stream is asked for where two engines have one each. */
export async function thirdStream(stage: Stage): Promise<void> {
  const { server } = stage
  const { acexy, looks } = await startedClient(stage)
  const busy = await Promise.all([acexy.watch(contentOf('1')), acexy.watch(contentOf('2'))])
  expect(new Set(busy.map(containerOf)).size).toBe(2)
  expect((await listed(server)).map(({ streams }) => streams.length)).toEqual([1, 1])

  const third = await acexy.watch(contentOf('3'))
  const viewings = [...busy, third]
  expect(looks).toHaveLength(3)
  for (const look of looks) expect(look.listed).toContain(look.provisioned)
  expect(looks.at(-1)?.listed.toSorted()).toEqual(viewings.map(containerOf).toSorted())
  await Promise.all(viewings.map(mustPlay))
  expect((await listed(server)).map(({ streams }) => streams.length)).toEqual([1, 1, 1])
  await Promise.all(viewings.map((each) => each.leave()))
  expect(await streamIds(server, 'started')).toEqual([])
  expect(acexy.troubles).toEqual([])
  acexy.stop()
}

const listed = async (server: TestServer) =>
  decodeEngines(await (await fetch(`${server.url}/engines`)).text())

/** The container ids that `GET /engines` lists, decoded as acexy does. */
export const inView = async (server: TestServer): Promise<string[]> =>
  (await listed(server)).map(({ container_id }) => container_id)

async function streamIds(server: TestServer, status: string): Promise<string[]> {
  const streams = await server.get<{ id: string }[]>(`/streams?status=${status}`)
  return streams.map(({ id }) => id)
}

const containerOf = ({ viewed }: Viewing): string => viewed.route.containerId ?? ''

/** Reads two seconds, in which there are whole packets in sequence, valid tables and a clock, which a player needs to start. */
export async function mustPlay(viewing: Viewing): Promise<void> {
  const bytes = await viewing.read(WATCHED_BYTES)
  expect(bytes.length).toBe(WATCHED_BYTES)
  const packets = parsePackets(bytes)
  expect(continuityErrors(packets)).toBe(0)
  const tables = packets.filter(({ pid, starts }) => pid === 0 && starts)
  expect(tables.length).toBeGreaterThan(0)
  for (const table of tables) expect(parseSection(table).length).toBeGreaterThan(0)
  expect(packets.some(({ pcr }) => pcr !== null)).toBe(true)
}
