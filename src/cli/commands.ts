/** The commands of the program: what each is called with, what it reads, and its help. */

export type CommandName =
  | 'serve'
  | 'doctor'
  | 'healthcheck'
  | 'backup'
  | 'restore'
  | 'remove-engines'
  | 'config'
  | 'version'

export interface Command {
  readonly name: CommandName
  /** The words that it needs beside settings, as the usage shows them. */
  readonly operands: readonly string[]
  /** Its own flags, with what they do. */
  readonly flags: Readonly<Record<string, string>>
  /**
   * The variables of the environment that it reads; null for all settings. A command that reads few of them works although
   * the others are wrong, or are those of the server alone.
   */
  readonly reads: readonly string[] | null
  /** One line. */
  readonly summary: string
  /** Paragraphs. */
  readonly text: readonly string[]
}

export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    operands: [],
    flags: {},
    reads: null,
    summary: 'Run the orchestrator. This is what happens without a command, too.',
    text: [],
  },
  {
    name: 'doctor',
    operands: [],
    flags: { '--json': 'Write the same for programs: an object with the rows.' },
    reads: null,
    summary: 'Check settings, Docker, image, ports, networks, swarm, database, clock and key.',
    text: [
      'Give it the settings of the server. It changes nothing, works while the server runs and while it does not, and ends ' +
        'within ten seconds.',
      'A row is ok, warning, fault or skipped (it could not be checked, and the row says why). What is a warning or a fault ' +
        'has a line with what to do.',
      'Exit code: 0 if nothing is at fault (warnings may be there), 1 if something is, 2 for a wrong call.',
    ],
  },
  {
    name: 'healthcheck',
    operands: [],
    flags: {},
    reads: ['APP_PORT', 'BIND'],
    summary: 'Ask the server that runs with these settings for /readyz, and show its answer.',
    text: [
      'Of the settings it needs APP_PORT and BIND. Exit code: 0 if the server is ready, 1 if not. The flag --healthcheck ' +
        'does the same.',
    ],
  },
  {
    name: 'backup',
    operands: ['FILE'],
    flags: {},
    reads: ['DB_URL'],
    summary: 'Copy the database to a new file, also while the server runs.',
    text: [
      'The copy is one file of one moment, which only its owner may read. A file that exists is not overwritten.',
      'Of the settings it needs DB_URL. Exit code: 0 if the copy is there, 1 if not.',
    ],
  },
  {
    name: 'restore',
    operands: ['FILE'],
    flags: {},
    reads: ['DB_URL'],
    summary: 'Put a copy of the database in its place, while the server does not run.',
    text: [
      'FILE is checked first: a sound database of Roundhouse, of this version or an earlier one. The database that was there ' +
        'is kept beside it as .before-restore-<time>. FILE itself stays as it is.',
      'Engines that started since the copy was made are found by their labels at the next start.',
      'Of the settings it needs DB_URL. Exit code: 0 if the copy is in its place, 1 if nothing was changed.',
    ],
  },
  {
    name: 'remove-engines',
    operands: [],
    flags: { '--yes': 'Remove them. Without it they are only listed.' },
    reads: ['DB_URL', 'DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH', 'CONTAINER_LABEL'],
    summary: 'List the containers of this installation, and remove them with --yes.',
    text: [
      'For the time after the server was stopped for good: its engines go on without it. Only containers with ' +
        'CONTAINER_LABEL and the id of this database are removed, and engines that carry no id.',
      'Nothing is removed while the server runs, because it would start engines again: stop it first, or use its API ' +
        '(DELETE /containers/{id}). Streams that play end.',
      'Of the settings it needs DB_URL, those of Docker (DOCKER_…) and CONTAINER_LABEL. Exit code: 0 if none is left (or they were listed), ' +
        '1 if not.',
    ],
  },
  {
    name: 'config',
    operands: [],
    flags: {},
    reads: null,
    summary: 'Show the values in force and where each comes from; secrets are masked.',
    text: ['The flag --print-config does the same.'],
  },
  {
    name: 'version',
    operands: [],
    flags: { '-v': 'Show the commit, the version of Bun and that of the database as well.' },
    reads: [],
    summary: 'Show the version.',
    text: ['The flag --version shows one line, too.'],
  },
]

/** The command of a name. */
export function commandNamed(name: CommandName): Command {
  const found = COMMANDS.find((command) => command.name === name)
  if (found === undefined) throw new Error(`there is no command ${name}`)
  return found
}

/** The words of a command's usage, without the name of the program. */
export function usageOf({ name, operands, flags }: Command): string {
  const own = Object.keys(flags).map((flag) => `[${flag}]`)
  return [name, ...operands, ...own, '[--SETTING=value ...]'].join(' ')
}
