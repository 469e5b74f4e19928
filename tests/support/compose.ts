import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { composeCommand } from './compose-plugin.ts'

export const COMPOSE_FOLDER = join(import.meta.dir, '../../deploy/compose')

/** One service of a compose file after `docker compose config`, with the members that tests read. */
interface Service {
  readonly image: string
  readonly environment: Readonly<Record<string, string | null>>
  readonly network_mode?: string
}

/** What a command of compose wrote, and how it ended. */
interface Outcome {
  readonly code: number
  readonly output: string
  readonly errors: string
}

/** A copy of one compose file, with an `.env` made from `.env.example` and a file of overrides. */
export class ComposeProject {
  private constructor(
    private readonly folder: string,
    private readonly name: string,
    private readonly command: readonly string[],
  ) {}

  /**
   * Copies the file. `env` replaces values of `.env.example`; `overrides` is a compose file that is laid over it. Throws if a
   * name in `env` is not in `.env.example`.
   */
  static async make(
    file: string,
    name: string,
    env: Readonly<Record<string, string>> = {},
    overrides = 'services: {}',
  ): Promise<ComposeProject> {
    const folder = await mkdtemp(join(tmpdir(), 'roundhouse-compose-'))
    await cp(join(COMPOSE_FOLDER, file), join(folder, 'compose.yml'))
    let lines = await Bun.file(join(COMPOSE_FOLDER, '.env.example')).text()
    for (const [variable, value] of Object.entries(env)) {
      const line = new RegExp(`^${variable}=.*$`, 'm')
      if (!line.test(lines)) throw new Error(`${variable} is not in .env.example`)
      lines = lines.replace(line, () => `${variable}=${value}`)
    }
    await Bun.write(join(folder, '.env'), lines)
    await Bun.write(join(folder, 'overrides.yml'), overrides)
    const files = ['--file', 'compose.yml', '--file', 'overrides.yml']
    return new ComposeProject(folder, name, [...(await composeCommand()), '--project-name', name, ...files])
  }

  /** Runs a command of compose, with nothing of this process' environment that could be a variable of the file. */
  async run(...args: string[]): Promise<Outcome> {
    const { PATH = '', HOME = '', DOCKER_HOST } = process.env
    const child = Bun.spawn([...this.command, ...args], {
      cwd: this.folder,
      env: { PATH, HOME, ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    return { code, output, errors }
  }

  /** As `run`, but throws with what the command and the services wrote if it fails. */
  async must(...args: string[]): Promise<string> {
    const { code, output, errors } = await this.run(...args)
    if (code === 0) return output
    const { output: logs } = await this.run('logs', '--no-color')
    throw new Error(`compose ${args.join(' ')} (${this.name}) ended with ${code}: ${errors}\n${logs}`)
  }

  /** The services, with every variable replaced. */
  async services(): Promise<Readonly<Record<string, Service>>> {
    return JSON.parse(await this.must('config', '--format', 'json')).services
  }

  /** Removes everything that it made, but no engine, and its folder. */
  async remove(): Promise<void> {
    await this.run('down', '--volumes', '--timeout', '2')
    await rm(this.folder, { recursive: true })
  }
}
