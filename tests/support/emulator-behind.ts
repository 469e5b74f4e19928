import type { Emulator } from './lifecycle.ts'

/**
 * Engines that share a namespace have their controls so far above their HTTP ports. Those are from 20000 to 31999 in tests, so
 * that the controls stay between the default ranges of HTTPS and API ports: 50000 to 61999.
 */
const OFFSET = 30_000

/** What an engine emulator has to be told in its environment for that. */
export const CONTROL_PORT = `+${OFFSET}`

/** The controls of an engine emulator in the network of a Gluetun, at whose address it is reached. */
export function emulatorBehind(address: string, httpPort: number): Emulator {
  const post = async (path: string, body: unknown = {}): Promise<void> => {
    const url = `http://${address}:${httpPort + OFFSET}${path}`
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body), keepalive: false })
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  }
  return { setFaults: (faults) => post('/faults', faults), exit: (code) => post(`/exit?code=${code}`) }
}
