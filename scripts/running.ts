/**
 * Notes with what an orchestrator is started, and tells later what is different by then. `up.sh` uses it.
 *
 *     bun scripts/running.ts note <file>           writes settings and code as they are now
 *     bun scripts/running.ts differences <file>    a line for each difference between the file and now; none if all is the same
 *
 * Settings are read as the program reads them: from the environment, and from .env, which Bun loads. Exit code 2 if they are
 * not right, or for wrong arguments.
 */
import { createHash, randomBytes, scryptSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { readSecretFile } from '../src/cli/cli.ts'
import {
  type Config,
  loadConfig,
  type SettingName,
  secretPaths,
  settingInfo,
  settingNames,
  settingText,
} from '../src/config/config.ts'

const ROOT = join(import.meta.dir, '..')

/** The files that decide what the orchestrator does. */
const CODE = [
  'src/**/*.ts',
  'drizzle/*.sql',
  'drizzle/meta/_journal.json',
  'package.json',
  'bun.lock',
] as const

/** How many changed files are named. */
const NAMED = 3

interface Note {
  readonly version: string
  /** Random, so that equal keys of two installations do not look equal. */
  readonly salt: string
  /** The value of each setting; of a secret only a slow digest, from which no key can be guessed in practice. */
  readonly settings: Readonly<Record<string, string>>
  /** The digest of each file. */
  readonly code: Readonly<Record<string, string>>
}

function main([verb, file]: readonly string[]): number {
  if (file === undefined || (verb !== 'note' && verb !== 'differences')) {
    console.error('Usage: bun scripts/running.ts note|differences <file>')
    return 2
  }
  if (verb === 'note') {
    writeFileSync(file, JSON.stringify(noteNow(randomBytes(16).toString('hex'))), { mode: 0o600 })
  } else {
    const then = JSON.parse(readFileSync(file, 'utf8')) as Note
    for (const line of differences(then, noteNow(then.salt))) console.log(line)
  }
  return 0
}

function noteNow(salt: string): Note {
  const config = readConfig()
  const settings = settingNames().map((name) => [name, noted(config, name, salt)])
  const files = CODE.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(ROOT)]).toSorted()
  const code = files.map((path) => [
    path,
    createHash('sha256')
      .update(readFileSync(join(ROOT, path)))
      .digest('hex'),
  ])
  return {
    version: packageJson.version,
    salt,
    settings: Object.fromEntries(settings),
    code: Object.fromEntries(code),
  }
}

function readConfig(): Config {
  const files = new Map(secretPaths(process.env, []).map((path) => [path, readSecretFile(path)]))
  const loaded = loadConfig(process.env, [], files)
  if (!('problems' in loaded)) return loaded.config
  for (const { variable, remedy } of loaded.problems) console.error(`${variable}: ${remedy}.`)
  process.exit(2)
}

function noted(config: Config, name: SettingName, salt: string): string {
  const text = settingText(config, name)
  if (settingInfo(name).secret === 'no' || text === '') return text
  return scryptSync(JSON.stringify(config[name]), salt, 32).toString('hex')
}

function differences(then: Note, now: Note): string[] {
  const settings = settingNames().flatMap((name) => {
    const before = then.settings[name]
    const after = now.settings[name] ?? ''
    if (before === undefined || before === after) return []
    if (settingInfo(name).secret !== 'no') return [`${name}: another one is set now`]
    return [`${name}: ${shown(before)} runs, ${shown(after)} is set now`]
  })
  const paths = [...new Set([...Object.keys(then.code), ...Object.keys(now.code)])].toSorted()
  const changed = paths.filter((path) => then.code[path] !== now.code[path])
  return changed.length === 0 ? settings : [...settings, `the code: ${codeChange(then, now, changed)}`]
}

const shown = (value: string): string => (value === '' ? 'none' : value)

function codeChange(then: Note, now: Note, changed: readonly string[]): string {
  const versions =
    then.version === now.version ? '' : `version ${then.version} runs, ${now.version} is here; `
  const more = changed.length - NAMED
  return `${versions}changed: ${changed.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

process.exit(main(process.argv.slice(2)))
