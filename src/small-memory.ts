/**
 * Makes the server need little memory, as the first thing that the program does.
 *
 * JavaScriptCore lets a heap grow to a multiple of what is in use, about four times on a machine with much memory. It reads
 * its settings only when a process starts, and only from the environment. So the program puts itself in its own place, with
 * some more variables. The process, its files and its arguments stay the same.
 */
import { callOf } from './cli/calls.ts'

/** docs/PERFORMANCE.md says what each is worth. What the environment says already counts. */
const SETTINGS = {
  // The memory that the heap is to believe in, in bytes. It is no limit. With 100 engines and 200 streams 20 MB are in use.
  BUN_JSC_forceRAMSize: '96000000',
  // How much the heap may grow between two whole collections. A process of more than 80 % of that memory has 1.24 otherwise.
  BUN_JSC_largeHeapGrowthFactor: '2',
  // The garbage of a burst would stay until the next one.
  BUN_IDLE_GC_SECONDS: '1',
  // The last stage of compiling is for long computations, and we have none.
  BUN_JSC_useFTLJIT: '0',
}

/** Modules of the binary have paths that no file system has. The sources are for development, and may need more memory. */
const isBinary = import.meta.path.startsWith('/$bunfs/')

const argv = process.argv.slice(2)

if (isBinary && process.env.BUN_JSC_forceRAMSize === undefined && isServer()) {
  try {
    process.execve?.(process.execPath, [process.execPath, ...argv], { ...SETTINGS, ...process.env })
  } catch {
    // Without a way to do this the program needs more memory, and does everything else.
  }
}

/** The other commands are over before a heap has grown. */
function isServer(): boolean {
  const call = callOf(argv)
  return typeof call !== 'string' && call.command.name === 'serve' && call.flags.size === 0
}
