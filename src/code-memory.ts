import { systemClock } from './lib/clock.ts'
import type { Log } from './lib/log.ts'
import { watchOfRest } from './lib/rest.ts'

/**
 * The binary starts with a policy that compiles little for speed (`scripts/build`), because most code of a start runs once.
 * After this time it compiles nearly as usual: five times as late, which is no time under load, but keeps much of what a
 * resting server does each second from being compiled one function after the other.
 */
const START_MS = 5_000
const JIT_POLICY = 5

/**
 * Keeps the memory of compiled functions small. JavaScriptCore never gives any of them back by itself: within an hour they
 * took more than 10 MB of a server that did nothing. So a process that rests gives all back, and compiles again what it needs
 * again. To be called once, when the server listens.
 */
export function boundCodeMemory(log: Log): void {
  setTimeout(() => Bun.unsafe.setJITPolicy(JIT_POLICY), START_MS)
  watchOfRest({
    clock: systemClock,
    processorMs,
    // Bun does it when nothing runs. There is no other way to it than this deprecated one.
    atRest: () => Bun.shrink(),
    onError: (error) => log.error({ err: error }, 'a look at whether the process rests failed'),
  }).start()
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
