import type { Attack, Outcome, Target } from './target.ts'
import { keyed } from './tools.ts'

const ANSWER_BYTES = 100_000_000

/** Runs an engine whose every answer has 100 MB. */
export const hugeAnswers: Attack = (target) =>
  keepEngine(target, { answer_bytes: ANSWER_BYTES, packed_answers: false })

/** Runs an engine whose every answer has 100 MB after unpacking, and 100 kB on the wire. */
export const gzipBombs: Attack = (target) =>
  keepEngine(target, { answer_bytes: ANSWER_BYTES, packed_answers: true })

/**
 * Provisions an engine with these faults from its start, while it is asked five times a second. Reports a stream on the
 * engine, so that it is asked for statistics too. Removes the engine when the time is over.
 */
async function keepEngine(target: Target, faults: Readonly<Record<string, unknown>>): Promise<Outcome> {
  const env = { FAULTS: JSON.stringify(faults) }
  const engine: Provisioned = await post(target, '/provision/acestream', { env })
  const { container_id, host_http_port: port } = engine
  try {
    await post(target, '/events/stream_started', startOf(port))
    await Bun.sleep(target.seconds * 1_000)
    const status = `http://127.0.0.1:${port}/server/api?api_version=3&method=get_status`
    const answer = await fetch(status, { keepalive: false })
    const { byteLength: bytes } = await answer.arrayBuffer()
    const encoding = answer.headers.get('content-encoding') ?? 'nothing'
    return {
      notes: [`an engine whose answers have ${bytes} bytes, packed by ${encoding}`],
      complaints: bytes === ANSWER_BYTES ? [] : ['the engine did not answer as it was told to'],
    }
  } finally {
    await fetch(`${target.near}/containers/${container_id}`, { method: 'DELETE', headers: keyed(target.key) })
  }
}

interface Provisioned {
  readonly container_id: string
  readonly host_http_port: number
}

function startOf(port: number): unknown {
  const url = `http://127.0.0.1:${port}/ace`
  return {
    engine: { host: '127.0.0.1', port },
    stream: { key_type: 'infohash', key: 'f'.repeat(40) },
    session: {
      playback_session_id: 'huge',
      stat_url: `${url}/stat/huge/huge`,
      command_url: `${url}/cmd/huge/huge`,
      is_live: 1,
    },
    labels: { stream_id: `huge|${crypto.randomUUID()}` },
  }
}

async function post<T>({ near, key }: Target, path: string, body: unknown): Promise<T> {
  const answer = await fetch(`${near}${path}`, {
    method: 'POST',
    headers: keyed(key),
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`)
  return answer.json() as Promise<T>
}
