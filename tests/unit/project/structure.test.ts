import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { circlesIn, folderOf, importsOf, roomOf, SRC, sourceFiles } from '../../support/source-imports.ts'

/*
 * The direction of dependencies, from the design: a folder of src/ may import itself and the folders listed here. On top are
 * main.ts (process), listener.ts and logging.ts.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  core: [],
  store: ['lib', 'core'],
  runtime: ['lib', 'core'],
  control: ['lib', 'core', 'store', 'runtime'],
  workers: ['lib', 'core', 'runtime'],
  http: ['core'],
  config: ['core'],
  metrics: ['core'],
  cli: ['lib', 'core', 'config'],
  // The page is another program, in a browser. Of `http` it knows only the types of the answers.
  panel: ['core', 'http'],
  // `wire` composes the commands from the same adapters as the server: `cli` says what is meant and how it is told, and the
  // control client of `workers` is the one way to ask a Gluetun.
  wire: ['lib', 'core', 'store', 'runtime', 'control', 'http', 'config', 'metrics', 'workers', 'cli'],
}

/*
 * The rooms of a folder, from the bottom up. A room may import itself, the rooms listed here, and the files of the folder
 * that are in no room. Each room is below all rooms that list it, so no import goes upwards.
 */
const ROOMS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  control: {
    facts: [],
    engines: [],
    reporting: [],
    vpn: ['facts', 'engines', 'reporting'],
    streams: ['facts', 'engines', 'reporting'],
    viewers: ['facts', 'engines', 'reporting'],
    proxies: ['facts', 'engines', 'reporting', 'vpn'],
    provisioning: ['facts', 'engines', 'vpn', 'proxies'],
    health: ['facts', 'engines', 'reporting', 'vpn', 'streams'],
    housekeeping: ['facts', 'reporting', 'streams'],
    containers: ['facts', 'engines', 'reporting', 'vpn', 'provisioning'],
    fleet: ['facts', 'engines', 'vpn', 'viewers', 'provisioning', 'health', 'containers'],
    views: ['facts', 'engines', 'reporting', 'vpn', 'streams', 'proxies', 'provisioning', 'fleet'],
    feed: ['views'],
  },
  core: {
    engines: [],
    vpn: [],
    hosts: [],
    streams: [],
    viewers: [],
    provisioning: [],
    reporting: ['streams'],
    containers: ['engines', 'reporting'],
    proxies: ['reporting', 'containers'],
    plan: ['engines', 'vpn', 'hosts', 'streams', 'viewers', 'proxies', 'provisioning'],
    views: ['engines', 'hosts', 'proxies', 'provisioning', 'reporting'],
    feed: [],
  },
  workers: { health: [], vpn: [] },
  cli: { doctor: [] },
  panel: {
    api: [],
    reading: ['api'],
    state: ['api'],
    acts: ['api', 'reading', 'state'],
    parts: ['api', 'reading', 'state', 'acts'],
    pages: ['api', 'reading', 'state', 'acts', 'parts'],
    start: ['api', 'state', 'acts', 'parts', 'pages'],
  },
}

/** Data outside src: generated migrations, and the version number. */
const OUTSIDE: Readonly<Record<string, RegExp>> = {
  store: /^\.\.\/\.\.\/drizzle\//,
  cli: /^\.\.\/\.\.\/package\.json$/,
}

/** Packages that only one folder may import. */
const OWNERS: Readonly<Record<string, string>> = {
  dockerode: 'runtime',
  'drizzle-orm': 'store',
  'bun:sqlite': 'store',
  elysia: 'http',
  '@elysiajs/swagger': 'http',
  'swagger-ui-dist': 'http',
  'prom-client': 'metrics',
}

const files = sourceFiles()
const imports = (await Promise.all(files.map(importsOf))).flat()

/** The imports between files of `folder`. */
const insideOf = (folder: string) =>
  imports.flatMap(({ file, target }) =>
    target !== null && [file, target].every((each) => folderOf(each) === folder) ? [{ file, target }] : [],
  )

/** The imports of `folder` that lead from one room to another. */
const arrowsOf = (folder: string) =>
  insideOf(folder).flatMap(({ file, target }) => {
    const [from, to] = [roomOf(file), roomOf(target)]
    return from === null || to === null || from === to ? [] : [{ from, to, file, target }]
  })

describe('imports', () => {
  test('there are some to look at', () => expect(imports.length).toBeGreaterThan(100))

  test('go in the direction of the design only', () => {
    const wrong = imports.filter(({ folder, specifier, target }) => {
      if (folder === '' || target === null || folderOf(target) === folder) return false
      return !OUTSIDE[folder]?.test(specifier) && !MAY_IMPORT[folder]?.includes(folderOf(target))
    })
    expect(wrong).toEqual([])
  })

  test('lead from no file back to it', () => expect(circlesIn(imports)).toEqual([]))

  test('every folder has its rule', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map(folderOf))
    expect([...folders].filter((folder) => !(folder in MAY_IMPORT))).toEqual([])
  })

  describe.each(Object.entries(ROOMS))('among the rooms of %s', (folder, rooms) => {
    const names = Object.keys(rooms)

    test('lead only to those that a room may import', () => {
      const wrong = arrowsOf(folder).filter(({ from, to }) => !rooms[from]?.includes(to))
      expect(wrong).toEqual([])
    })

    test('are all that the table names', () => {
      const there = new Set(arrowsOf(folder).map(({ from, to }) => `${from} → ${to}`))
      const named = Object.entries(rooms).flatMap(([from, tos]) => tos.map((to) => `${from} → ${to}`))
      expect(named.filter((arrow) => !there.has(arrow))).toEqual([])
    })

    test('lead down', () => {
      const up = Object.entries(rooms).filter(([name, tos]) =>
        tos.some((to) => names.indexOf(to) >= names.indexOf(name)),
      )
      expect(up.map(([name]) => name)).toEqual([])
    })

    test('go out of no file that is in none', () => {
      const inNone = insideOf(folder).filter(({ file }) => roomOf(file) === null)
      expect(inNone.filter(({ target }) => roomOf(target) !== null)).toEqual([])
    })

    test('are told for every room that there is', () => {
      const there = files.filter((file) => folderOf(file) === folder).flatMap((file) => roomOf(file) ?? [])
      expect([...new Set(there)].toSorted()).toEqual(names.toSorted())
    })
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
    // The page asks from its browser, and its own server only.
    for (const file of files.filter((each) => !each.startsWith('panel/'))) {
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
