import { text } from 'node:stream/consumers'
import type { TestDocker } from '../../tests/support/docker.ts'
import type { Launch } from './launches.ts'

/** How long after the answer to read events. The event stream ends by itself then. */
const MARGIN_MS = 10

/** How the milliseconds of a launch divide, according to Docker's own events. */
export interface Phases {
  /** From the request to Docker's event that the container is created. */
  readonly create: number
  /** From there to Docker's event that the container is started. */
  readonly start: number
  /** From there to the answer. */
  readonly answer: number
}

/**
 * Divides the time of a launch whose container still exists. It reads Docker's past events, so nothing was watched during
 * the launch. The result is valid only if Docker runs on this machine, and so has the same clock.
 */
export async function phasesOf(docker: TestDocker, launch: Launch): Promise<Phases> {
  const events: NodeJS.ReadableStream = await docker.client.getEvents({
    since: Math.floor(launch.sentAt / 1000),
    // Docker counts in whole milliseconds here, and reports the start less than one millisecond before the answer.
    until: (launch.answeredAt + MARGIN_MS) / 1000,
    filters: { container: [launch.containerId], event: ['create', 'start'] },
  })
  const times = new Map(
    (await text(events))
      .split('\n')
      .filter((line) => line !== '')
      .map((line): [string, number] => {
        const { Action, timeNano }: { Action: string; timeNano: number } = JSON.parse(line)
        return [Action, timeNano / 1e6]
      }),
  )
  const created = times.get('create')
  const started = times.get('start')
  if (created === undefined || started === undefined) throw new Error('Docker forgot the events of a launch')
  return { create: created - launch.sentAt, start: started - created, answer: launch.answeredAt - started }
}
