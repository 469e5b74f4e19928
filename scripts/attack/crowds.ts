import type { Socket } from 'node:net'
import { KeepAliveConnection } from '../bench/keep-alive-connection.ts'
import { NOBODY, startOf } from './events.ts'
import type { Attack, Target } from './target.ts'
import { atOnce, dial, keyed, nameOf, statusIn, Tally } from './tools.ts'

const CLIENTS = 1_000
/**
 * The pause of a client between an answer and its next question. A thousand clients without a pause would wait for one
 * another whatever the server does: 50 ms at 20,000 answers a second.
 */
const CLIENT_PAUSE_MS = 1_000
const READS = ['/engines', '/streams?status=started', '/orchestrator/status', '/events?limit=100']

/** Opens a thousand connections at once, which read again and again. */
export const manyClients: Attack = async ({ far, seconds }) => {
  const failures = new Tally()
  let answers = 0
  const connections = new Map<number, KeepAliveConnection>()
  const read = async (turn: number, place: number): Promise<void> => {
    try {
      const connection = connections.get(place) ?? (await KeepAliveConnection.open(far))
      connections.set(place, connection)
      await connection.get(READS[(turn + place) % READS.length] ?? '/')
      answers++
    } catch (error) {
      connections.get(place)?.close()
      connections.delete(place)
      throw error
    }
    await Bun.sleep(CLIENT_PAUSE_MS * (turn === 0 ? Math.random() : 1))
  }
  await atOnce({ places: CLIENTS, seconds }, read, (error) => failures.add(nameOf(error)))
  const lost = failures
    .names()
    .map((name) => `${failures.of(name)} of their questions had no answer: ${name}`)
  return { notes: [`${CLIENTS} clients had ${answers} answers`], complaints: lost }
}

const SLOW = 300
const BYTE_MS = 250

/** Sends headers that never end, and bodies that never end, byte by byte. */
export const slowClients: Attack = async ({ far, key, seconds }) => {
  const { host } = new URL(far)
  const head = `GET /engines HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `
  const post = `POST /events/stream_started HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\n`
  const body = `${post}Content-Length: 60000\r\n\r\n`
  const ends = new Tally()
  const endMs = performance.now() + seconds * 1_000
  const trickle = async (_: number, place: number): Promise<void> => {
    const socket = await dial(far)
    socket.on('data', (chunk: Buffer) => ends.add(`answered with ${statusIn(chunk.toString('latin1'))}`))
    if (place % 2 === 0) socket.write(body)
    const said = place % 2 === 0 ? '{"labels":{"a":"' : head
    for (let at = 0; performance.now() < endMs && socket.writable; at++) {
      socket.write(said[at] ?? 'a')
      await Bun.sleep(BYTE_MS)
    }
    if (!socket.writable) ends.add('closed by the server')
    socket.destroy()
  }
  await atOnce({ places: SLOW, seconds }, trickle, (error) => ends.add(nameOf(error)))
  return { notes: [`${SLOW} at a time, half of them heads; ended: ${ends}`], complaints: [] }
}

const READERS = 100

/** Opens readers of the feed that never take anything, while events happen. */
export const silentReaders: Attack = async (target) => {
  const { far, near, seconds } = target
  const { host } = new URL(far)
  const statuses = new Tally()
  const sockets = await Promise.all(Array.from({ length: READERS }, () => dial(far)))
  const first = sockets.map((socket) => {
    socket.write(`GET /events/stream HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    return firstWords(socket)
  })
  for (const answer of await Promise.all(first)) statuses.add(statusIn(answer))
  const beforeMs = performance.now()
  const other = await fetch(`${near}/events/stream?limit=1`, { signal: AbortSignal.timeout(5_000) })
  await other.arrayBuffer()
  const pairs = await reportPairs(target, seconds - (performance.now() - beforeMs) / 1_000)
  const open = sockets.filter((socket) => !socket.destroyed && socket.writable).length
  for (const socket of sockets) socket.destroy()
  return {
    notes: [`${READERS} readers from one address: ${statuses}; ${pairs} pairs of events, ${open} still open`],
    complaints: other.status === 200 ? [] : [`a reader of this machine was answered with ${other.status}`],
  }
}

/** Resolves with the first piece of an answer. After that nothing more is read. */
function firstWords(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer) => {
      socket.pause()
      resolve(chunk.toString('latin1'))
    })
    socket.once('close', () => resolve(''))
  })
}

const PAIR_MS = 25
const SHORT = { url: 50, labels: {} }

/** Reports pairs of events for the feed. Resolves with how many pairs were accepted. */
async function reportPairs({ near, key }: Target, seconds: number): Promise<number> {
  let pairs = 0
  const headers = keyed(key)
  const report = async (): Promise<void> => {
    const start = startOf(`silent|${crypto.randomUUID()}`, NOBODY, SHORT)
    const post = (path: string, body: unknown) =>
      fetch(`${near}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    const started = await post('/events/stream_started', start)
    await started.arrayBuffer()
    const ended = await post('/events/stream_ended', { stream_id: start.labels.stream_id, reason: 'eof' })
    await ended.arrayBuffer()
    if (started.ok && ended.ok) pairs++
    await Bun.sleep(PAIR_MS)
  }
  await atOnce({ places: 1, seconds }, report, () => undefined)
  return pairs
}

/** More connections than a process with this limit of descriptors can have. */
const IDLE = 400
const REFILL_MS = 100

/**
 * Opens connections that send nothing, up to the limit of descriptors and beyond, and opens new ones when they are closed.
 */
export const idleConnections: Attack = async ({ far, seconds }) => {
  let opened = 0
  let refused = 0
  const open = new Set<Socket>()
  const endMs = performance.now() + seconds * 1_000
  const openOne = async (): Promise<void> => {
    try {
      const socket = await dial(far)
      opened++
      open.add(socket)
      socket.resume()
      socket.on('close', () => open.delete(socket))
    } catch {
      refused++
    }
  }
  while (performance.now() < endMs) {
    await Promise.all(Array.from({ length: IDLE - open.size }, openOne))
    await Bun.sleep(REFILL_MS)
  }
  for (const socket of open) socket.destroy()
  const closed = opened - Math.min(opened, IDLE)
  return {
    notes: [`${IDLE} at a time: ${opened} opened, ${closed} closed by the server, ${refused} refused`],
    complaints: [],
  }
}
