import type { Emulator } from './lifecycle.ts'

/** With `CONTROL_PORT=+20000`: engines that share a namespace have their controls so far above their HTTP ports. */
const OFFSET = 20_000

/** The controls of an engine emulator in the network of a Gluetun, at whose address it is reached. */
export function emulatorBehind(address: string, httpPort: number): Emulator {
  const post = async (path: string, body: unknown = {}): Promise<void> => {
    const url = `http://${address}:${httpPort + OFFSET}${path}`
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body), keepalive: false })
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  }
  return { setFaults: (faults) => post('/faults', faults), exit: (code) => post(`/exit?code=${code}`) }
}
