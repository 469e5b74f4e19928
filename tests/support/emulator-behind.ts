import type { Emulator } from './lifecycle.ts'

/**
 * How far above its HTTP port an engine has its control port, if engines share a network namespace. HTTP ports in tests are
 * from 20000 to 31999, so control ports are from 50000 to 61999, between the default ranges of HTTPS and API ports.
 */
const OFFSET = 30_000

/** The setting of an engine emulator for this offset. */
export const CONTROL_PORT = `+${OFFSET}`

/** The controls of an engine emulator behind a Gluetun, reached at the Gluetun's address. */
export function emulatorBehind(address: string, httpPort: number): Emulator {
  const post = async (path: string, body: unknown = {}): Promise<void> => {
    const url = `http://${address}:${httpPort + OFFSET}${path}`
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body), keepalive: false })
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  }
  return { setFaults: (faults) => post('/faults', faults), exit: (code) => post(`/exit?code=${code}`) }
}
