import { ECHO_TRIES_MS } from '../settings.ts'
import type { Timeline } from './recordings.ts'
import { TimelineRun } from './timeline-run.ts'

/** The recordings begin this long before the first action. Preparations are done a little earlier. */
const LEAD_MS = 1000
const BEFORE_MS = 200

const DIAL_EVERY_MS = 5000
const SMALL_CHECK_EVERY_MS = 60_000
const SMALL_CHECK_TAKES_MS = ECHO_TRIES_MS.reduce((sum, tryMs) => sum + tryMs, 0)

/** Prepares the emulator for the beginning of a timeline, in the same phase of its checks as the real one. */
export async function beginTimeline(timeline: Timeline): Promise<TimelineRun> {
  const { version, scenario } = timeline
  const run = new TimelineRun(timeline, environment(timeline))
  if (scenario.startsWith('boot')) {
    run.board.set({ tunnel_cut: scenario.includes('server down') })
    run.boot()
    return run
  }
  run.gluetun.begin()
  await run.advance(BEFORE_MS)
  // The VPN had been stopped before, in the same process.
  if (version === 'v3.38.0' && initially(timeline, 'portforward').includes('{"port":0}')) await restart(run)
  if (initially(timeline, 'portforward').includes('1234'))
    await put(run, '/v1/portforward', '{"ports":[1234]}')
  while (run.gluetun.healthError !== null) await run.advance(10)
  await run.advance(phaseMs(run, timeline) - LEAD_MS - BEFORE_MS)
  if (scenario.startsWith('PUT running')) await put(run, STATUS, '{"status":"stopped"}')
  else await run.advance(BEFORE_MS)
  run.setTime(-LEAD_MS)
  return run
}

const STATUS = '/v1/vpn/status'

async function restart(run: TimelineRun): Promise<void> {
  await put(run, STATUS, '{"status":"stopped"}')
  await put(run, STATUS, '{"status":"running"}')
}

/** Sends a PUT. It takes {@link BEFORE_MS}, longer than any call. */
async function put(run: TimelineRun, target: string, body: string): Promise<void> {
  const answered = run.call('PUT', target, body)
  await run.advance(BEFORE_MS)
  await answered
}

const initially = ({ events }: Timeline, channel: string): string =>
  events.find(({ read }) => read === channel)?.body ?? ''

/** Some sessions had another server address and port. Port forwarding was off if no port was ever seen. */
function environment({ version, scenario, events }: Timeline): Readonly<Record<string, string>> {
  const bodies = events.map(({ body = '' }) => body).join()
  const port = ['51413', '40404'].find((each) => bodies.includes(each))
  return {
    VPN_PORT_FORWARDING: port !== undefined || version === 'v3.38.0' ? 'on' : 'off',
    FORWARDED_PORT: port ?? '51413',
    PUBLIC_IP: bodies.includes('203.0.113.99') ? '203.0.113.99' : '203.0.113.7',
    PUBLICIP_ENABLED: version === 'v3.38.0' ? 'off' : 'on',
    HEALTH_RESTART_VPN: scenario.includes('HEALTH_RESTART_VPN=off') ? 'off' : 'on',
  }
}

/**
 * The time of the first action, counted from a successful check. It is derived from when bad health was seen. If none was
 * seen, the action is far from the next check.
 */
function phaseMs({ gluetun }: TimelineRun, { events }: Timeline): number {
  const { health } = gluetun.settings.dialect
  const badMs = events.find(({ read, t_ms, body }) => read === 'health' && t_ms > 0 && body !== '')?.t_ms
  if (health === 'periodic') {
    const atMs = SMALL_CHECK_EVERY_MS + SMALL_CHECK_TAKES_MS - (badMs ?? Number.NaN)
    return atMs > 0 && atMs < SMALL_CHECK_EVERY_MS ? atMs : SMALL_CHECK_EVERY_MS / 6
  }
  const atMs = badMs === undefined ? DIAL_EVERY_MS / 2 : DIAL_EVERY_MS - (badMs - health.dialTimeoutsMs[0])
  return atMs < LEAD_MS + BEFORE_MS ? atMs + DIAL_EVERY_MS : atMs
}
