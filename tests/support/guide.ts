/** One step of a guide: the commands, and the output that the guide shows. */
export interface Step {
  readonly heading: string
  readonly commands: string
  /** Null if the guide shows no output. */
  readonly shown: { readonly kind: 'json' | 'text'; readonly text: string } | null
}

const FENCE = /^```(\w+)?(?: ([^\n]*))?\n([\s\S]*?)^```$|^##+ ([^\n]+)$/gm

/**
 * Finds the blocks of shell commands (`sh`) in a Markdown text, in order, each with the output block that follows it. Blocks
 * that are marked `sh elsewhere` are left out: they are for a registry, for systemd or for another machine.
 */
export function stepsOf(markdown: string): readonly Step[] {
  const steps: Step[] = []
  let heading = ''
  let isOpen = false
  for (const [, language, info, body = '', title] of markdown.matchAll(FENCE)) {
    if (title !== undefined) heading = title
    const last = steps.at(-1)
    const isStep = language === 'sh' && info !== ELSEWHERE
    if (isStep) steps.push({ heading, commands: body, shown: null })
    else if (isOpen && last !== undefined && (language === 'json' || language === 'text'))
      steps[steps.length - 1] = { ...last, shown: { kind: language, text: body } }
    isOpen = isStep
  }
  return steps
}

/** The word that marks commands which no test machine can run. */
export const ELSEWHERE = 'elsewhere'

/** One terminal for all steps of a guide, so that variables and jobs last from one step to the next. */
export class Terminal {
  readonly #shell: Bun.Subprocess<'pipe', 'pipe', 'pipe'>
  readonly #output: AsyncIterator<string>
  #rest = ''
  #errors = ''

  constructor(cwd: string, env: Readonly<Record<string, string>>, shell: readonly string[] = ['bash']) {
    this.#shell = Bun.spawn([...shell], {
      cwd,
      env: { PATH: process.env.PATH ?? '', ...env },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    this.#output = this.#shell.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]()
    void this.#collectErrors()
  }

  /** Runs commands to their end and returns their output. Throws if the last one failed. */
  async run(commands: string): Promise<string> {
    const mark = `--- ${crypto.randomUUID()} `
    this.#shell.stdin.write(`${commands}\nprintf '%s%s\\n' '${mark}' "$?"\n`)
    await this.#shell.stdin.flush()
    for (;;) {
      const at = this.#rest.indexOf(mark)
      const end = at < 0 ? -1 : this.#rest.indexOf('\n', at)
      if (end >= 0) {
        const printed = this.#rest.slice(0, at)
        const code = this.#rest.slice(at + mark.length, end)
        this.#rest = this.#rest.slice(end + 1)
        if (code !== '0') throw new Error(`it ended with ${code}:\n${commands}\n${printed}\n${this.#errors}`)
        return printed
      }
      const { done, value } = await this.#output.next()
      if (done === true) throw new Error(`the shell has ended:\n${commands}\n${this.#errors}`)
      this.#rest += value
    }
  }

  /** Ends the shell and the jobs that it left running. */
  async close(): Promise<void> {
    this.#shell.stdin.write('kill $(jobs -p) 2>/dev/null; exit\n')
    await this.#shell.stdin.end()
    await this.#shell.exited
  }

  async #collectErrors(): Promise<void> {
    for await (const text of this.#shell.stderr.pipeThrough(new TextDecoderStream())) this.#errors += text
  }
}

/** The names of engines that a guide shows, and the real names in their place. */
export class EngineNames {
  readonly #real = new Map<string, string>()

  /** Learns names from an output and what the guide shows of it, by their order. A name that is known stays. */
  learn(shown: string, printed: string): void {
    const real = namesIn(printed)
    for (const [at, name] of namesIn(shown).entries()) {
      const own = real[at]
      if (own !== undefined && !this.#real.has(name)) this.#real.set(name, own)
    }
  }

  /** A text of the guide with the real names. */
  inOurs(text: string): string {
    return text.replaceAll(ENGINE_NAME, (name) => this.#real.get(name) ?? name)
  }
}

/**
 * Whether an output is the one that is shown. Any spaces may stand in the place of spaces; `…` stands for anything, also for
 * lines that are left out.
 */
export function isAsShown(shown: string, printed: string): boolean {
  const pattern = shown
    .trim()
    .split(/(…|\s+)/)
    .map((part) => (part === '…' ? '[^]*' : /^\s/.test(part) ? '\\s+' : literal(part)))
  return new RegExp(`^${pattern.join('')}$`).test(printed.trim())
}

const literal = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')

const ENGINE_NAME = /\bacestream-\d+\b/g

const namesIn = (text: string): readonly string[] => text.match(ENGINE_NAME) ?? []

/**
 * Lists by path how the shape of a value differs from the one that is shown: other members, another type, another boolean,
 * another word. Numbers, and texts with a digit in them (ids, times, ports), may differ. A null in place of a shown value
 * may not.
 */
export function differences(shown: unknown, real: unknown, path = '$'): readonly string[] {
  const kinds = [shown, real].map(kindOf)
  if (kinds[0] !== kinds[1]) return [`${path}: ${kinds[0]} is shown, it is ${kinds[1]}`]
  if (Array.isArray(shown) && Array.isArray(real)) {
    if (shown.length !== real.length) return [`${path}: ${shown.length} are shown, there are ${real.length}`]
    return shown.flatMap((each, index) => differences(each, real[index], `${path}[${index}]`))
  }
  if (isObject(shown) && isObject(real)) {
    const names = [...new Set([...Object.keys(shown), ...Object.keys(real)])]
    return names.flatMap((name) => differences(shown[name], real[name], `${path}.${name}`))
  }
  const isFree = typeof shown === 'number' || (typeof shown === 'string' && /\d/.test(shown))
  return isFree || shown === real
    ? []
    : [`${path}: ${JSON.stringify(shown)} is shown, it is ${JSON.stringify(real)}`]
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : value === undefined ? 'nothing' : typeof value
