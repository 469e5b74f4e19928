import type { Clock } from './lib/clock.ts'
import type { OnError } from './lib/guard.ts'
import { watchOfRest } from './lib/rest.ts'

/**
 * The binary starts with a policy that compiles little for speed (`scripts/build`), because most code of a start runs once.
 * After this time it compiles nearly as usual: five times as late, which is no time under load, but keeps much of what a
 * resting server does each second from being compiled one function after the other.
 */
const START_MS = 5_000
const JIT_POLICY = 5

/**
 * Keeps the memory of compiled functions small. JavaScriptCore keeps what runs again and again, however seldom: in 40 minutes
 * the functions of a server that did nothing took 13 MB. So when the process rests, this thread gives all of them back, and
 * compiles again what it needs again. To be called once, when the server listens.
 */
export function boundCodeMemory(clock: Clock, onError: OnError): void {
  clock.after(START_MS, () => Bun.unsafe.setJITPolicy(JIT_POLICY))
  watchOfRest({
    clock,
    processorMs,
    // It happens when this thread has nothing to run. Bun calls the function deprecated, and has no other one for this.
    atRest: () => Bun.shrink(),
    onError,
  }).start()
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
