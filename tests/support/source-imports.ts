import { dirname, join, relative } from 'node:path'

export const SRC = join(import.meta.dir, '../../src')

/** One import of a file. `file` and `target` are paths relative to src; `target` is null for a package. */
export interface Import {
  readonly file: string
  readonly folder: string
  readonly specifier: string
  readonly target: string | null
}

/** The folder of a file; empty for a file in src itself. */
export const folderOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : '')

/** The room of a file within its folder; null if it is in none. */
export function roomOf(file: string): string | null {
  const [, room, name] = file.split('/')
  return name === undefined ? null : (room ?? null)
}

/** The files of src, without type declarations. */
export const sourceFiles = (): readonly string[] =>
  [...new Bun.Glob('**/*.{ts,tsx}').scanSync({ cwd: SRC })].filter((file) => !file.endsWith('.d.ts'))

/** Every import of a file, including type imports, which a transpiler would drop. */
export async function importsOf(file: string): Promise<readonly Import[]> {
  const text = await Bun.file(join(SRC, file)).text()
  const found = text.matchAll(
    /^(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]/gm,
  )
  return [...found].map(([, from, bare]) => {
    const specifier = from ?? bare ?? ''
    const target = specifier.startsWith('.') ? relative(SRC, join(SRC, dirname(file), specifier)) : null
    return { file, folder: folderOf(file), specifier, target }
  })
}

/** Returns each cycle that a walk over all imports finds; an empty list if there is none. */
export function circlesIn(imports: readonly Import[]): readonly (readonly string[])[] {
  const byFile = Map.groupBy(imports, ({ file }) => file)
  const done = new Set<string>()
  const found: string[][] = []
  const visit = (file: string, way: readonly string[]): void => {
    const begin = way.indexOf(file)
    if (begin >= 0) found.push([...way.slice(begin), file])
    if (begin >= 0 || done.has(file)) return
    for (const { target } of byFile.get(file) ?? []) if (target !== null) visit(target, [...way, file])
    done.add(file)
  }
  for (const file of byFile.keys()) visit(file, [])
  return found
}
