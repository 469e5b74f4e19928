/** Reads the words of a call: which command is meant, and what its words are. */
import { nearest } from '../core/nearest.ts'
import { COMMANDS, type Command, type CommandName, commandNamed, usageOf } from './commands.ts'

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

/** Sorts words by what they are: flags of ours, operands of the command, and words for the settings. */
function sort(argv: readonly string[], command: Command): Omit<Call, 'command'> {
  const known = new Set(flagsOf(command))
  const call = { flags: new Set<string>(), operands: [] as string[], words: [] as string[] }
  let isValue = false
  for (const word of argv) {
    const flag = SHORT[word] ?? word
    const isOperand = !word.startsWith('-') && !isValue && call.operands.length < command.operands.length
    if (known.has(flag)) call.flags.add(flag)
    else if (isOperand) call.operands.push(word)
    else call.words.push(word)
    // A setting without "=" takes the next word, whatever that is, unless it is a flag.
    isValue = !known.has(flag) && word.startsWith('--') && !word.includes('=')
  }
  return call
}

/** The flags that a command accepts beside settings. Those that stand for a command go with no other. */
const flagsOf = ({ name, flags }: Command): readonly string[] => [
  ...GENERAL,
  ...(name === 'serve' ? Object.keys(OLDER) : []),
  ...Object.keys(flags),
]

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
  const flags = flagsOf(command)
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
