import { join } from 'node:path'

/** What a call of the program came to. */
export interface Called {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/**
 * The program and its first arguments: that of ROUNDHOUSE_TEST_PROGRAM, else the sources under Bun. The binary starts in a
 * third of the time: whoever runs all tests builds it once.
 */
export function programWords(): readonly string[] {
  const binary = process.env.ROUNDHOUSE_TEST_PROGRAM
  return binary === undefined ? ['bun', join(import.meta.dir, '../../src/main.ts')] : [binary]
}

/**
 * Runs a command of the program to its end, with this environment alone. `through` stands before it, such as a command that
 * makes it run as another user.
 */
export async function call(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { cwd, through = [] }: { readonly cwd?: string; readonly through?: readonly string[] } = {},
): Promise<Called> {
  const startedMs = performance.now()
  const child = Bun.spawn([...through, ...programWords(), ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH: process.env.PATH ?? '', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, stdout, stderr, ms: performance.now() - startedMs }
}
