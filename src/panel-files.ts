import { basename, join } from 'node:path'
import type { PanelFiles } from './http/panel.ts'
import page from './panel/index.html'

/** What an HTML import is in the binary: the list of the files that were bundled. From the sources it is an opaque object. */
interface BundledPage {
  readonly files: readonly {
    readonly path: string
    readonly loader: string
    readonly headers: { readonly 'content-type': string }
  }[]
}

/** Reads the page for people and everything that it loads: from the binary, or bundled now if the sources run. */
export async function panelFiles(): Promise<PanelFiles> {
  const found = isBundled(page) ? await embedded(page) : await built()
  const html = found.find(({ name }) => name.endsWith('.html'))
  if (html === undefined) throw new Error('the page for people is missing from this program')
  return { html: new TextDecoder().decode(html.content), files: found.filter((file) => file !== html) }
}

const isBundled = (given: unknown): given is BundledPage =>
  typeof given === 'object' && given !== null && 'files' in given

const embedded = ({ files }: BundledPage) =>
  Promise.all(
    files.map(async ({ path, headers }) => ({
      name: basename(path),
      type: headers['content-type'],
      content: await Bun.file(path).bytes(),
    })),
  )

async function built() {
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, 'panel/index.html')],
    target: 'browser',
    minify: true,
    // As in the binary.
    publicPath: '/',
  })
  return Promise.all(
    outputs.map(async (output) => ({
      name: basename(output.path),
      type: output.type,
      content: new Uint8Array(await output.arrayBuffer()),
    })),
  )
}
