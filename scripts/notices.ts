/**
 * Writes NOTICES.md, the licences of everything in the binary: `bun run notices`, after each change of the packages. The
 * packages are those that the bundler reads modules from. The documentation that comes with Bun's types says what Bun
 * contains.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleSettings, ROOT } from './bundle.ts'

export const NOTICES = join(ROOT, 'NOTICES.md')

/** A package of the bundle, at one version. */
interface Package {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly home: string
  /** The text of the package's licence files; empty if it has none. */
  readonly text: string
}

const text = (...path: string[]): Promise<string> => Bun.file(join(ROOT, ...path)).text()

/** Makes the current text of NOTICES.md. Throws if the bundler fails. */
export async function noticesText(): Promise<string> {
  const packages = await bundledPackages()
  const parts = [
    '# Notices',
    'Licences of all that the binary of Roundhouse holds. Generated: `bun run notices`; the binary shows it with `--licenses`.',
    `## Roundhouse\n\n${fenced(await text('LICENSE'))}`,
    `## Bun ${Bun.version}\n\nThe binary is Bun with the program in it.`,
    await bunNotices(),
    `### GNU Library General Public License 2.0\n\n${fenced(await text('docs/licenses/LGPL-2.0.txt'))}`,
    `### GNU Lesser General Public License 2.1\n\n${fenced(await text('docs/licenses/LGPL-2.1.txt'))}`,
    "## C library\n\nAn image also holds the building machine's C library; of glibc that is LGPL-2.1 or later.",
    `## Packages\n\n| package | version | licence |\n|---|---|---|\n${packages.map(row).join('\n')}`,
    ...byText(packages).map(section),
  ]
  return `${parts.join('\n\n')}\n`
}

const row = ({ name, version, licence, home }: Package): string =>
  `| ${home === '' ? name : `[${name}](${home})`} | ${version} | ${licence} |`

/** Reads Bun's own page about its licence and those of its libraries, with headings one level deeper. */
async function bunNotices(): Promise<string> {
  const page = await text('node_modules/bun-types/docs/project/license.mdx')
  return page
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .replace(/^##/gm, '###')
    .trim()
}

/** Lists all packages that the bundler reads a module from, by name and version. */
async function bundledPackages(): Promise<Package[]> {
  const { metafile } = await Bun.build({ ...bundleSettings(), metafile: true })
  if (metafile === undefined) throw new Error('the bundler did not tell its inputs')
  const files = new Map<string, string[]>()
  for (const input of Object.keys(metafile.inputs)) {
    // Takes the innermost package folder, because packages may contain packages of their own.
    const [path, folder] = /(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\/.*/.exec(input) ?? []
    if (path !== undefined && folder !== undefined) files.set(folder, [...(files.get(folder) ?? []), path])
  }
  const packages = await Promise.all([...files].map(([folder, inputs]) => packageIn(folder, inputs)))
  const single = new Map(packages.map((found) => [`${found.name} ${found.version}`, found]))
  return [...single].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, found]) => found)
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string | { readonly type: string }
  readonly homepage?: string
}

async function packageIn(folder: string, inputs: readonly string[]): Promise<Package> {
  const manifest: Manifest = await Bun.file(join(ROOT, folder, 'package.json')).json()
  const { name, version, license, homepage } = manifest
  const licence = typeof license === 'object' ? license.type : (license ?? 'see below')
  return { name, version, licence, home: homepage ?? '', text: await licenceIn(folder, inputs) }
}

/** Collects a package's licence and notice files, and the licence files beside its bundled modules (`*.LICENSE.txt`). */
async function licenceIn(folder: string, inputs: readonly string[]): Promise<string> {
  const names = (await readdir(join(ROOT, folder))).filter((name) =>
    /^(licen[cs]e|copying|notice)/i.test(name),
  )
  const paths = names.toSorted().map((name) => join(folder, name))
  for (const beside of inputs.map((input) => `${input}.LICENSE.txt`))
    if (await Bun.file(join(ROOT, beside)).exists()) paths.push(beside)
  const texts = await Promise.all(paths.map((path) => text(path)))
  return texts.map((part) => part.replaceAll('\r', '').trim()).join('\n\n')
}

/** Groups packages with the same text, in the order of each group's first package. */
function byText(packages: readonly Package[]): Package[][] {
  return [...Map.groupBy(packages, ({ text }) => text).values()]
}

function section(packages: readonly Package[]): string {
  const names = packages.map(({ name, version }) => `${name} ${version}`).join(', ')
  const [first] = packages
  const said = first?.text === undefined || first.text === '' ? null : fenced(first.text)
  return `### ${names}\n\n${said ?? 'No licence file is in the package; the table has what its manifest says.'}`
}

const fenced = (body: string): string => `~~~text\n${body.trimEnd()}\n~~~`

if (import.meta.main) await Bun.write(NOTICES, await noticesText())
