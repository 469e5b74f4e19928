import { join } from 'node:path'
import type { SwarmHost } from './two-hosts.ts'

/** The header that names where a request goes. */
export const FORWARD_TO = 'x-forward-to'

/** Sends requests without a body from the network of a host, where `localhost` is the host. */
export interface Forward {
  readonly send: (request: Request) => Promise<Response>
  readonly stop: () => Promise<void>
}

/** Starts the program that sends them there. */
export async function forwardFrom(host: SwarmHost): Promise<Forward> {
  const child = host.spawn([process.execPath, join(import.meta.dir, 'forward-process.ts')])
  const { value } = await child.stdout.getReader().read()
  const port = new TextDecoder().decode(value).trim()
  if (port === '') throw new Error(`Nothing is sent from ${host.name}: the program for it has ended.`)
  return {
    send: ({ url, method, headers, signal }) =>
      fetch(`http://${host.address}:${port}/`, {
        ...{ method, signal },
        headers: { ...Object.fromEntries(headers), [FORWARD_TO]: url },
      }),
    stop: async () => {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}
