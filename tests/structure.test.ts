import { describe, expect, test } from 'bun:test'
import { dirname, join, relative } from 'node:path'

/*
 * The direction of dependency, from the design: a folder of src/ may import itself and what is named here. On top of
 * them stand main.ts (process), wire.ts (composition), services.ts (control to http), config and cli.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  core: [],
  store: ['lib', 'core'],
  runtime: ['lib', 'core'],
  control: ['lib', 'core', 'store', 'runtime'],
  workers: ['lib', 'core', 'runtime'],
  http: [],
  config: ['core'],
  metrics: ['core'],
}

/** Packages that one folder alone may know. */
const OWNERS: Readonly<Record<string, string>> = {
  dockerode: 'runtime',
  'drizzle-orm': 'store',
  'bun:sqlite': 'store',
  elysia: 'http',
  '@elysiajs/swagger': 'http',
  'swagger-ui-dist': 'http',
  'prom-client': 'metrics',
}

const SRC = join(import.meta.dir, '../src')

interface Import {
  readonly file: string
  readonly folder: string
  readonly specifier: string
}

/** Every import, also those of types, which a transpiler would drop. */
async function importsOf(file: string): Promise<Import[]> {
  const text = await Bun.file(join(SRC, file)).text()
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]/gm),
  ]
  const folder = file.includes('/') ? (file.split('/')[0] ?? '') : ''
  return specifiers.map(([, from, bare]) => ({ file, folder, specifier: from ?? bare ?? '' }))
}

const files = [...new Bun.Glob('**/*.ts').scanSync({ cwd: SRC })].filter((file) => !file.endsWith('.d.ts'))
const imports = (await Promise.all(files.map(importsOf))).flat()

const targetFolder = ({ file, specifier }: Import): string => {
  const target = relative(SRC, join(SRC, dirname(file), specifier))
  return target.includes('/') ? (target.split('/')[0] ?? '') : ''
}

describe('imports', () => {
  test('there are some to look at', () => expect(imports.length).toBeGreaterThan(100))

  test('go in the direction of the design only', () => {
    const wrong = imports
      .filter(({ folder, specifier }) => folder !== '' && specifier.startsWith('.'))
      .filter((each) => targetFolder(each) !== each.folder)
      // Generated migrations are data of the store.
      .filter((each) => !(each.folder === 'store' && each.specifier.includes('/drizzle/')))
      .filter((each) => !MAY_IMPORT[each.folder]?.includes(targetFolder(each)))
    expect(wrong).toEqual([])
  })

  test('every folder has its rule', () => {
    const folders = new Set(
      files.filter((file) => file.includes('/')).map((file) => file.split('/')[0] ?? ''),
    )
    expect([...folders].filter((folder) => !(folder in MAY_IMPORT))).toEqual([])
  })

  test('a library is known to the folder that owns it alone', () => {
    const wrong = imports.filter(({ folder, specifier }) => {
      const owner = Object.entries(OWNERS).find(
        ([name]) => specifier === name || specifier.startsWith(`${name}/`),
      )?.[1]
      return owner !== undefined && owner !== folder
    })
    expect(wrong).toEqual([])
  })

  test('engines are made history in one place, which takes all steps of an end', async () => {
    const callers = []
    for (const file of files.filter((each) => each !== 'store/engines.ts')) {
      if (/\bretire\b/.test(await Bun.file(join(SRC, file)).text())) callers.push(file)
    }
    expect(callers).toEqual(['control/engines/endings.ts'])
  })

  test('nobody is asked over HTTP but by the one function that bounds what comes', async () => {
    const askers = []
    for (const file of files) {
      if (/\bfetch\(/.test(await Bun.file(join(SRC, file)).text())) askers.push(file)
    }
    expect(askers).toEqual(['lib/ask.ts'])
  })

  test('core knows no clock, no chance and no environment', async () => {
    const forbidden = /Date\.now|new Date\(\)|Math\.random|performance\.|process\.|Bun\.|setTimeout|fetch\(/
    const wrong = []
    for (const file of files.filter((each) => each.startsWith('core/'))) {
      if (forbidden.test(await Bun.file(join(SRC, file)).text())) wrong.push(file)
    }
    expect(wrong).toEqual([])
  })
})
