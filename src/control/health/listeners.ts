import type { Engine, HostPort } from '../../core/types.ts'
import { listenersIn } from '../../core/viewers/tcp-table.ts'
import { type Commands, RuntimeFailure } from '../../runtime/runtime.ts'
import type { Store } from '../../store/store.ts'
import { networkReaders } from '../engines/network-readers.ts'
import type { Facts } from '../facts/facts.ts'

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * Commands that print where a network listens, the better one first. `grep` prints only such lines: of a network with
 * thousands of connections, the output that is kept has room for some hundred.
 */
const COMMANDS = [
  ['grep', '-hF', '-e', 'local_address', '-e', ' 0A ', ...TABLES],
  ['cat', ...TABLES],
] as const

/**
 * Asks the containers of an engine's network, one after another, where it listens for connections. Null if none can tell.
 */
export async function listenersOf(
  engine: Engine,
  { store, commands, facts }: { readonly store: Store; readonly commands: Commands; readonly facts: Facts },
  signal: AbortSignal,
): Promise<readonly HostPort[] | null> {
  for (const containerId of networkReaders(store.db, engine, (each) => facts.isRunning(each))) {
    for (const command of COMMANDS) {
      const result = await answerOf(commands.exec(containerId, command, signal))
      if (result === 'silent') break
      const listeners = result && listenersIn(result.output)
      if (listeners) return listeners
    }
  }
  return null
}

/** The answer to a question; null if the container engine refused it, `silent` if no answer came. */
export async function answerOf<T>(question: Promise<T>): Promise<T | null | 'silent'> {
  try {
    return await question
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    return error.code === 'unreachable' ? 'silent' : null
  }
}
