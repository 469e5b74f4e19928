import { join } from 'node:path'

/** A program of this folder that runs beside this process. */
export interface Child {
  /** Ends its input, at which a reader ends by itself. */
  release(): void
  /** What it printed, as JSON, when it has ended by itself with 0; throws for any other end. */
  result<T>(): Promise<T>
}

/** Starts `bun <program> <args>`; the signal kills it. With `nice` it gives way to all else that runs on this machine. */
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
