/** Runs the emulator as a program: settings from the environment and the command line, one engine, until a signal. */

import { systemClock } from './clock.ts'
import { Emulator } from './emulator.ts'
import { StartError } from './engine-flags.ts'
import { startLines } from './engine-log.ts'
import { wholeNumber } from './setting-values.ts'
import { readSettings } from './settings.ts'

// The first process of a container has no default signal handlers. Without these, a stop would last as long as Docker's
// timeout.
process.on('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => process.exit(0))

try {
  const settings = readSettings(process.env, process.argv.slice(2))
  const host = {
    clock: systemClock,
    exit: (code: number) => process.exit(code),
    warn: (text: string) => console.error(`engine: ${text}`),
  }
  const lines = startLines(settings, host.clock.now(), wholeNumber(process.env.LOG_LINES, 'LOG_LINES', 0))
  console.log(lines.before.join('\n'))
  await new Emulator(settings, host).start()
  console.log(lines.after.join('\n'))
} catch (error) {
  if (error instanceof StartError) {
    console.error(error.message)
    process.exit(error.exitCode)
  }
  console.error(`engine: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
