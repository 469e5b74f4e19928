/** An engine refuses to start. The message is what it writes; `exitCode` is that of its process. */
export class StartError extends Error {
  override readonly name = 'StartError'

  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message)
  }
}

/** What the engine itself takes from the words that it is started with. */
export interface EngineFlags {
  readonly httpPort: number
  readonly apiPort: number
  readonly p2pPort: number
  readonly bindAll: boolean
}

const USAGE = 'usage: acestreamengine [--client-console | --client-wx | --client-gtk] [--port PORT] ...'

/** Flags whose value is a whole number. */
const NUMBERS: readonly string[] = [
  'http-port',
  'https-port',
  'api-port',
  'port',
  'cache-limit',
  'cache-max-bytes',
  'live-mem-cache-size',
  'live-disk-cache-size',
]

/**
 * Reads the words as the engine does, with Python's argparse. Words that the engine does not know are ignored: in the images
 * of martinbjeldbak before 3.1.1, the start script gave ` --bind-all` with a blank before it, and the engine started and
 * accepted no remote client (its issue 48 and pull request 65). A number that is none ends it. Where `needsMode` is true, so
 * do words without `--client-console`.
 *
 * @throws {StartError} with the text that the engine writes.
 */
export function readEngineFlags(words: readonly string[], needsMode: boolean): EngineFlags {
  const numbers = readNumbers(words)
  // The exit code is not known.
  if (needsMode && !words.includes('--client-console'))
    throw new StartError(1, `Missing required startup options\n${USAGE}`)
  const port = (name: string, fallback: number): number => {
    const value = numbers.get(name) ?? fallback
    if (value < 0 || value > 65_535) throw new StartError(1, 'OverflowError: bind(): port must be 0-65535.')
    return value
  }
  return {
    httpPort: port('http-port', 6878),
    apiPort: port('api-port', 62_062),
    p2pPort: port('port', 8621),
    bindAll: words.includes('--bind-all'),
  }
}

/** Accepts `--name=value` and `--name value`. The last one of a name wins. */
function readNumbers(words: readonly string[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>()
  for (const [index, word] of words.entries()) {
    const [, name = '', own] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? []
    if (!NUMBERS.includes(name)) continue
    const next = words[index + 1]
    const value = own ?? (next === undefined || next.startsWith('-') ? undefined : next)
    if (value === undefined) throw badArgument(name, 'expected one argument')
    if (!/^\s*[+-]?\d+\s*$/.test(value)) throw badArgument(name, `invalid int value: '${value}'`)
    numbers.set(name, Number(value))
  }
  return numbers
}

const badArgument = (name: string, problem: string): StartError =>
  new StartError(2, `${USAGE}\nacestreamengine: error: argument --${name}: ${problem}`)
