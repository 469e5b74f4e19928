/**
 * Runs the emulator as a program, with settings from the environment. With the argument `healthcheck`, asks the running one.
 */

import { systemClock } from '../engine/clock.ts'
import { Emulator } from './emulator.ts'
import { healthcheck } from './healthcheck.ts'
import { RoleError } from './roles.ts'
import { readSettings, type Settings } from './settings.ts'

// The first process of a container has no default signal handlers. Without these, a stop would last as long as Docker's
// timeout.
process.on('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => process.exit(0))

try {
  const settings = readSettings(process.env)
  if (process.argv.includes('healthcheck')) await check(settings)
  else await start(settings)
} catch (error) {
  console.error(`ERROR ${error instanceof Error ? error.message : String(error)}`)
  process.exit(error instanceof RoleError ? error.exitCode : 1)
}

async function check(settings: Settings): Promise<void> {
  const { exitCode, output } = await healthcheck(settings, () => new Date())
  await Bun.write(Bun.stdout, output)
  process.exit(exitCode)
}

async function start(settings: Settings): Promise<void> {
  const host = { clock: systemClock, exit: (code: number) => process.exit(code) }
  await new Emulator(settings, host).start(settings.roleFileText ?? (await roleFile(settings)))
  const { dialect, controlServer, testControl } = settings
  console.log(
    `gluetun ${dialect.name}: control server on ${controlServer.port}, test control on ${testControl.port}`,
  )
}

async function roleFile({ roleFilePath }: Settings): Promise<string | null> {
  const file = Bun.file(roleFilePath)
  return (await file.exists()) ? await file.text() : null
}
