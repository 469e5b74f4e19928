/** The commands of the program: what each is called with, what it reads, and its help. */
import { nearest } from '../config/nearest.ts'

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
    summary: 'Check settings, Docker, image, ports, network, Gluetun, database, clock and key.',
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
    summary: 'Ask the server that runs with these settings for /readyz, and show its answer; exit code 0 or 1.',
    text: ['Of the settings it needs APP_PORT and BIND. The flag --healthcheck does the same.'],
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
    reads: ['DB_URL', 'DOCKER_HOST', 'CONTAINER_LABEL'],
    summary: 'List the containers of this installation, and remove them with --yes.',
    text: [
      'For the time after the server was stopped for good: its engines go on without it. Only containers with ' +
        'CONTAINER_LABEL and the id of this database are removed, and engines that carry no id.',
      'Nothing is removed while the server runs, because it would start engines again: stop it first, or use its API ' +
        '(DELETE /containers/{id}). Streams that play end.',
      'Of the settings it needs DB_URL, DOCKER_HOST and CONTAINER_LABEL. Exit code: 0 if none is left (or they were listed), ' +
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

/** Flags that ask for something else than a command, which any command accepts. */
const GENERAL = ['--help', '--version', '--recipes', '--licenses'] as const
/** Flags that stand for commands. */
const OLDER = { '--print-config': 'config', '--healthcheck': 'healthcheck' } as const
const SHORT: Readonly<Record<string, string>> = { '-h': '--help', '-V': '--version' }

/** What the words of a call mean: a command, its flags and operands, and the words that are settings. */
export interface Call {
  readonly command: Command
  readonly flags: ReadonlySet<string>
  readonly operands: readonly string[]
  readonly words: readonly string[]
}

/** Reads the words of a call. Returns a sentence if there is no such command or flag, or an operand is missing or too many. */
export function callOf(argv: readonly string[]): Call | string {
  const [first, ...rest] = argv
  const isNamed = first !== undefined && !first.startsWith('-')
  const named = isNamed ? COMMANDS.find(({ name }) => name === first) : commandNamed('serve')
  if (named === undefined) return unknownCommand(first ?? '')
  const sorted = sort(isNamed ? rest : argv, named)
  const older = named.name === 'serve' ? olderIn(sorted.flags) : null
  const call = { ...sorted, command: older === null ? named : commandNamed(older) }
  // Whoever asks for help need not call it rightly.
  return call.flags.has('--help') ? call : (wrongFlag(call) ?? wrongOperands(call) ?? call)
}

export function commandNamed(name: CommandName): Command {
  const found = COMMANDS.find((command) => command.name === name)
  if (found === undefined) throw new Error(`there is no command ${name}`)
  return found
}

/** Sorts words by what they are: flags of ours, operands of the command, and words for the settings. */
function sort(argv: readonly string[], { flags: own, operands }: Command): Omit<Call, 'command'> {
  const known = new Set<string>([...GENERAL, ...Object.keys(OLDER), ...Object.keys(own)])
  const call = { flags: new Set<string>(), operands: [] as string[], words: [] as string[] }
  let isValue = false
  for (const word of argv) {
    const flag = SHORT[word] ?? word
    const isOperand = !word.startsWith('-') && !isValue && call.operands.length < operands.length
    if (known.has(flag)) call.flags.add(flag)
    else if (isOperand) call.operands.push(word)
    else call.words.push(word)
    // A setting without "=" takes the next word, whatever that is, unless it is a flag.
    isValue = !known.has(flag) && word.startsWith('--') && !word.includes('=')
  }
  return call
}

function olderIn(flags: ReadonlySet<string>): CommandName | null {
  const found = Object.entries(OLDER).find(([flag]) => flags.has(flag))
  return found === undefined ? null : found[1]
}

function unknownCommand(word: string): string {
  const meant = nearest(
    word,
    COMMANDS.map(({ name }) => name),
  )
  return meant === undefined
    ? `There is no command "${word}". roundhouse --help lists all; settings are given as --NAME=value.`
    : `There is no command "${word}": ${meant} may be meant.`
}

/** A word that is nearly one of our flags. All other unknown flags are looked for among the settings. */
function wrongFlag({ command, words }: Call): string | null {
  const flags = [...GENERAL, ...Object.keys(OLDER), ...Object.keys(command.flags)]
  for (const word of words.filter((each) => each.startsWith('-') && !each.includes('='))) {
    const meant = nearest(word, flags)
    if (meant !== undefined) return `There is no flag "${word}": ${meant} may be meant.`
  }
  return null
}

function wrongOperands({ command, operands, words }: Call): string | null {
  const missing = command.operands.slice(operands.length)
  if (missing.length > 0) return `${missing.join(' ')} is missing: roundhouse ${usageOf(command)}`
  const isExtra = (word: string, at: number) =>
    !word.startsWith('-') && !(words[at - 1]?.startsWith('--') && !words[at - 1]?.includes('='))
  const extra = command.name === 'serve' ? undefined : words.find(isExtra)
  return extra === undefined ? null : `"${extra}" is too much: roundhouse ${usageOf(command)}`
}

/** The words of a command's usage, without the name of the program. */
export function usageOf({ name, operands, flags }: Command): string {
  const own = Object.keys(flags).map((flag) => `[${flag}]`)
  return [name, ...operands, ...own, '[--SETTING=value ...]'].join(' ')
}
