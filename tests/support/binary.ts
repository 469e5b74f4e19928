import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')

/**
 * Builds the single binary as a user does, into the given folder, and returns its path. Throws with the compiler's message.
 */
export function buildBinary(folder: string): string {
  const program = join(folder, 'roundhouse')
  // Not built into dist, where another test may be building, too.
  const build = Bun.spawnSync(['bun', 'run', 'build', `--outfile=${program}`], { cwd: ROOT, stderr: 'pipe' })
  if (build.exitCode !== 0) throw new Error(build.stderr.toString())
  return program
}
