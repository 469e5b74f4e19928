import { hostname } from 'node:os'
import { type CliOutcome, checkHealth } from '../../cli/cli.ts'
import { jsonText, tableText, verdictOf } from '../../cli/doctor/report.ts'
import type { Config } from '../../config/config.ts'
import { schemaVersion } from '../../store/migrations.ts'
import { diagnose } from '../doctor/doctor.ts'
import { realSurroundings } from '../doctor/surroundings.ts'
import { runtimeOf } from '../runtime.ts'
import { backup, restore } from './database-commands.ts'
import { done, type Told } from './outcome.ts'
import { removeEngines } from './remove-engines.ts'

type CommandOutcome = Extract<
  CliOutcome,
  { readonly kind: 'healthcheck' | 'doctor' | 'backup' | 'restore' | 'remove-engines' | 'version' }
>

/** Does what a call asks for besides running the server. */
export async function runCommand(outcome: CommandOutcome, version: string): Promise<Told> {
  switch (outcome.kind) {
    case 'healthcheck': {
      const { code, said } = await checkHealth(outcome.url)
      return { code, stdout: `${said}\n`, stderr: '' }
    }
    case 'doctor': {
      const rows = await diagnose(outcome.loaded, outcome.url, realSurroundings())
      const stdout = outcome.isJson ? jsonText(rows) : tableText(rows)
      return { code: verdictOf(rows) === 'fault' ? 1 : 0, stdout, stderr: '' }
    }
    case 'version':
      return done(versionText(version))
    case 'backup':
      return backup(outcome.config.DB_URL.path, outcome.file)
    case 'restore':
      return restore(outcome.config.DB_URL.path, outcome.file, ownerOf())
    case 'remove-engines':
      return await removeEngines(removalOf(outcome.config), outcome.isConfirmed)
    default:
      return outcome satisfies never
  }
}

const removalOf = (config: Config) => ({
  runtime: runtimeOf(config),
  databasePath: config.DB_URL.path,
  label: config.CONTAINER_LABEL,
  owner: ownerOf(),
})

const ownerOf = () => ({ host: hostname(), pid: process.pid, startedAtMs: Date.now() })

/** The build writes the commit into the binary. */
const versionText = (version: string): string =>
  `roundhouse ${version}\n` +
  `commit    ${process.env.ROUNDHOUSE_COMMIT ?? 'unknown: it runs from the sources'}\n` +
  `Bun       ${Bun.version} (${process.platform}/${process.arch})\n` +
  `database  ${schemaVersion()}\n`
