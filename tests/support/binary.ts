import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')

/** Builds the single binary as a user does, and puts it alone into a folder; gives its path. Throws in the compiler's words. */
export function buildBinary(folder: string): string {
  const build = Bun.spawnSync(['bun', 'run', 'build'], { cwd: ROOT, stderr: 'pipe' })
  if (build.exitCode !== 0) throw new Error(build.stderr.toString())
  const program = join(folder, 'roundhouse')
  copyFileSync(join(ROOT, 'dist/roundhouse'), program)
  return program
}
