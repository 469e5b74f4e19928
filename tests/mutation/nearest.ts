import { dirname, join, normalize } from 'node:path'

/** Which files import which, by their paths from the root. */
export type Imports = ReadonlyMap<string, readonly string[]>

const TRANSPILER = new Bun.Transpiler({ loader: 'ts' })
/** A test further away reaches the file through the whole application, as most tests do. */
const NEAR_STEPS = 2
const STEM_LETTERS = 5

/** Reads which files of `src` and `tests` below `root` import each other. Type-only imports are left out. */
export async function importsIn(root: string): Promise<Imports> {
  const files = [...new Bun.Glob('{src,tests}/**/*.ts').scanSync({ cwd: root })]
  const read = async (file: string): Promise<[string, readonly string[]]> => {
    const text = await Bun.file(join(root, file)).text()
    const found = TRANSPILER.scanImports(text.replace(/^#!.*/, ''))
    const own = found.filter(({ path }) => path.startsWith('.'))
    return [file, own.map(({ path }) => normalize(join(dirname(file), path)))]
  }
  return new Map(await Promise.all(files.map(read)))
}

/**
 * Sorts the tests by how likely they are to notice a change of `file`: first those that import it directly or through one
 * other file, then those that share words with its path, then the rest by the number of imports in between.
 */
export function nearestFirst(tests: readonly string[], file: string, imports: Imports): readonly string[] {
  const steps = stepsTo(file, imports)
  const words = wordsOf(file)
  const ranks = new Map(
    tests.map((test) => {
      const away = steps.get(test) ?? Number.MAX_SAFE_INTEGER
      const shared = wordsOf(test).filter((word) => words.includes(word)).length
      return [test, [away <= NEAR_STEPS ? away : NEAR_STEPS + 1, -shared, away]] as const
    }),
  )
  const rank = (test: string): readonly number[] => ranks.get(test) ?? []
  return tests.toSorted((a, b) => rank(a).reduce((order, each, at) => order || each - (rank(b)[at] ?? 0), 0))
}

/** How many imports lie between each file and `file`. */
function stepsTo(file: string, imports: Imports): ReadonlyMap<string, number> {
  const steps = new Map([[file, 0]])
  for (let reached = [file], away = 1; reached.length > 0; away++) {
    reached = [...imports].flatMap(([importer, imported]) =>
      !steps.has(importer) && imported.some((each) => reached.includes(each)) ? [importer] : [],
    )
    for (const importer of reached) steps.set(importer, away)
  }
  return steps
}

/** The words of a path below its layer's folder, shortened so that their forms agree: `settler` matches `settling`. */
function wordsOf(path: string): readonly string[] {
  const words = path
    .replace(/^(?:src|tests\/unit)\/\w+\//, '')
    .replace(/(?:\.test)?\.ts$/, '')
    .split(/[/-]/)
  return words.map((word) => word.replace(/s$/, '').slice(0, STEM_LETTERS))
}
