import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')

/** What the scripts need of the project. */
const PARTS = [
  ...['scripts', 'src', 'drizzle', 'tests/support', 'tests/emulators'],
  ...['package.json', 'bun.lock', 'bunfig.toml', 'tsconfig.json', 'NOTICES.md'],
]

interface ScriptEnd {
  readonly code: number
  /** What the script wrote to both outputs. */
  readonly output: string
}

/**
 * A copy of the project in a folder of its own, in which the scripts run as on a user's machine. So they find neither the
 * settings nor the orchestrator of this project, and a test may change the code.
 */
export class ProjectCopy {
  readonly folder = mkdtempSync(join(tmpdir(), 'roundhouse-project-'))

  /** `settings` are the lines of `.env`. */
  constructor(settings: Readonly<Record<string, string>>) {
    for (const part of PARTS) {
      if (existsSync(join(ROOT, part))) cpSync(join(ROOT, part), join(this.folder, part), { recursive: true })
    }
    symlinkSync(join(ROOT, 'node_modules'), this.path('node_modules'))
    this.write(
      '.env',
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
  }

  /** Runs a script to its end. Its environment has only the given variables, the path, and where Docker is. */
  async run(
    script: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ScriptEnd> {
    return this.shell(`sh scripts/${script} "$@"`, args, env)
  }

  /** Runs a command of a shell in the folder. */
  async shell(
    command: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ScriptEnd> {
    const { PATH = '', HOME = '', DOCKER_HOST } = process.env
    const child = Bun.spawn(['sh', '-c', `(${command}) 2>&1`, 'sh', ...args], {
      cwd: this.folder,
      env: { PATH, HOME, ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }), ...env },
      stdin: 'ignore',
      stdout: 'pipe',
    })
    const [output, code] = await Promise.all([child.stdout.text(), child.exited])
    return { code, output }
  }

  /** Lets the project have its Bun in `.run`, as after an installation, and returns a path with another `bun` first. */
  withoutBun(): string {
    const other = join(this.folder, 'other-bun')
    mkdirSync(other)
    writeFileSync(join(other, 'bun'), '#!/bin/sh\necho 0.0.0\n', { mode: 0o755 })
    mkdirSync(join(this.folder, '.run/bun/bin'), { recursive: true })
    symlinkSync(process.execPath, join(this.folder, '.run/bun/bin/bun'))
    return `${other}:${process.env.PATH ?? ''}`
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** The content of a file; empty if there is none. */
  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : ''
  }

  write(name: string, content: string): void {
    writeFileSync(this.path(name), content)
  }

  append(name: string, content: string): void {
    appendFileSync(this.path(name), content)
  }

  /** Ends the orchestrator, if one runs, and deletes the folder. The test has to remove the containers. */
  async dispose(): Promise<void> {
    await this.run('down.sh')
    rmSync(this.folder, { recursive: true })
  }
}
