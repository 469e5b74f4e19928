import { Elysia } from 'elysia'
import { hashOf, KEPT, once, type Packed, packed, sent } from './assets.ts'
import { notFound } from './problems.ts'
import { pathOf } from './target.ts'

/** The page for people: its HTML, and the files that it names as `/name`. */
export interface PanelFiles {
  readonly html: string
  readonly files: readonly PanelFile[]
}

interface PanelFile {
  readonly name: string
  readonly type: string
  readonly content: Uint8Array
}

const PAGE = '/panel'

/** Everything comes from us, nothing is inline, and the page can be put into no other. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Serves the page for people at `/panel`. Its addresses are relative, so that it works where a proxy takes a prefix away. */
export function panelRoutes(read: () => Promise<PanelFiles>) {
  const panel = once(async () => prepared(await read()))
  return new Elysia({ name: 'panel', detail: { hide: true } })
    .get(PAGE, async ({ request }) => sent(pageAt(await panel(), request), request, 'no-cache', PAGE_HEADERS))
    .get(`${PAGE}/assets/:name`, async ({ params, request }) => {
      const asset = (await panel()).assets.get(params.name)
      return asset === undefined ? notFound(pathOf(request.url), []) : sent(asset, request, KEPT)
    })
}

const PAGE_HEADERS = { 'content-security-policy': POLICY }

interface Prepared {
  /** The page for `/panel`, and for `/panel/`. */
  readonly pages: { readonly bare: Packed; readonly slashed: Packed }
  readonly assets: ReadonlyMap<string, Packed>
}

const pageAt = ({ pages }: Prepared, { url }: Request): Packed =>
  pathOf(url).endsWith('/') ? pages.slashed : pages.bare

async function prepared({ html, files }: PanelFiles): Promise<Prepared> {
  const named = files.map((file) => ({ ...file, kept: keptName(file) }))
  const page = (folder: string): Promise<Packed> =>
    packed(
      'text/html; charset=utf-8',
      named
        .reduce((text, { name, kept }) => text.replaceAll(`"/${name}"`, `"${folder}${kept}"`), html)
        // The bundler drops this attribute. With it, nothing is painted in colours that the user did not choose.
        .replace('<script type="module"', '<script type="module" blocking="render"'),
    )
  const assets = await Promise.all(
    named.map(async ({ kept, type, content }) => [kept, await packed(type, content)] as const),
  )
  return {
    pages: { bare: await page('panel/assets/'), slashed: await page('assets/') },
    assets: new Map(assets),
  }
}

const keptName = ({ name, content }: PanelFile): string => {
  const dot = name.lastIndexOf('.')
  return `panel.${hashOf(content)}${name.slice(dot)}`
}
