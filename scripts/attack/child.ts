import { join } from 'node:path'

/** A program of this folder that runs in a process of its own. */
export interface Child {
  /** Ends the program's input. A reader ends when its input ends. */
  release(): void
  /** Resolves with the program's output, parsed as JSON, when the program has ended with 0. Throws for any other end. */
  result<T>(): Promise<T>
}

/**
 * Starts `bun <program> <args>`; the signal kills it. With `nice`, the program has a lower priority than everything else on
 * this machine.
 */
export function startChild(
  [program, ...args]: readonly [string, ...string[]],
  { signal, nice = 0 }: { readonly signal: AbortSignal; readonly nice?: number },
): Child {
  const child = Bun.spawn(
    ['nice', '-n', String(nice), process.execPath, join(import.meta.dir, program), ...args],
    { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit', signal },
  )
  return {
    release: () => void child.stdin.end(),
    result: async () => {
      const [output, code] = await Promise.all([child.stdout.text(), child.exited])
      signal.throwIfAborted()
      if (code !== 0) throw new Error(`${program} ${args[0]} ended with ${code}`)
      return JSON.parse(output)
    },
  }
}
