import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')

/** Builds the single binary as a user does, and puts it alone into a folder; gives its path. Throws in the compiler's words. */
export function buildBinary(folder: string): string {
  const program = join(folder, 'roundhouse')
  // Not into dist, where another test may be building, too.
  const build = Bun.spawnSync(['bun', 'run', 'build', `--outfile=${program}`], { cwd: ROOT, stderr: 'pipe' })
  if (build.exitCode !== 0) throw new Error(build.stderr.toString())
  return program
}
