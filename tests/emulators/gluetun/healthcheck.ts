import type { Settings } from './settings.ts'

/** The output and exit code of the command. */
export interface HealthcheckResult {
  readonly exitCode: 0 | 1
  readonly output: string
}

/**
 * Runs `gluetun healthcheck` for Docker's HEALTHCHECK: asks the health server, prints nothing if it is healthy, and
 * otherwise the reason in the format of Gluetun's log (recorded; gluetun, `internal/healthcheck/client.go`).
 */
export async function healthcheck(
  { healthServer, dialect }: Settings,
  now: () => Date,
): Promise<HealthcheckResult> {
  const address = `${healthServer.host}:${healthServer.port}`
  const problem = await ask(address, dialect.healthcheckTimeoutMs)
  if (problem === null) return { exitCode: 0, output: '' }
  const time = `${now().toISOString().slice(0, 19)}Z`
  return { exitCode: 1, output: `${time} ERROR ${problem}\n${time} INFO Shutdown successful\n` }
}

/** Returns null if Gluetun is healthy. */
async function ask(address: string, timeoutMs: number): Promise<string | null> {
  try {
    const answer = await fetch(`http://${address}`, { signal: AbortSignal.timeout(timeoutMs) })
    if (answer.status === 200) return null
    const reason = `${answer.status} ${REASONS[answer.status] ?? answer.statusText}`
    return `HTTP response status is not OK: ${answer.status} ${reason}: ${await answer.text()}`
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError'
    const cause = timedOut ? TIMED_OUT : `dial tcp ${address}: connect: connection refused`
    return `Get "http://${address}": ${cause}`
  }
}

const REASONS: Readonly<Record<number, string>> = { 500: 'Internal Server Error' }
const TIMED_OUT = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
