import { swagger } from '@elysiajs/swagger'
import { type AnyElysia, Elysia } from 'elysia'
import stylesheet from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import bundle from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import { type Keyed, tidyDocument } from './openapi.ts'

const PAGE = '/swagger'
const DOCUMENT = '/swagger/json'
const ASSETS = '/swagger/assets'
const BUNDLE_NAME = 'swagger-ui-bundle.js'

/** A year: the assets are those of one version of the package. */
const CACHED = 'public, max-age=31536000'

/**
 * Swagger UI at `/swagger` and its document at `/swagger/json`. The plugin writes both on an inner app that has the same
 * routes and never listens; here the document is made valid, and the page takes its assets from us instead of a CDN, so
 * that it works with no internet.
 */
export function docs(routes: AnyElysia, options: { readonly version: string; readonly keyed: Keyed }) {
  const { version, keyed } = options
  const inner = new Elysia().use(routes).use(
    swagger({
      path: PAGE,
      specPath: DOCUMENT,
      provider: 'swagger-ui',
      theme: `${ASSETS}/swagger-ui.css`,
      autoDarkMode: false,
      swaggerOptions: { persistAuthorization: true },
      documentation: {
        info: {
          title: 'Roundhouse',
          version,
          description: 'Keeps a fleet of AceStream engine containers and serves them to the acexy proxy.',
        },
        tags: TAGS,
        components: {
          securitySchemes: {
            bearer: { type: 'http', scheme: 'bearer', description: 'API_KEY, where it is set' },
          },
        },
      },
    }),
  )
  const read = (path: string): Promise<Response> => inner.handle(new Request(`http://localhost${path}`))
  let document: Promise<string> | null = null
  const tidied = async (): Promise<string> =>
    JSON.stringify(tidyDocument(await (await read(DOCUMENT)).json(), keyed))
  return new Elysia({ name: 'docs', detail: { hide: true } })
    .get(PAGE, async () => {
      const page = (await (await read(PAGE)).text()).replace(
        /src="https:\/\/[^"]+\/swagger-ui-bundle\.js"( crossorigin)?/,
        `src="${ASSETS}/${BUNDLE_NAME}"`,
      )
      return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } })
    })
    .get(DOCUMENT, async () => {
      document ??= tidied()
      return new Response(await document, { headers: { 'content-type': 'application/json' } })
    })
    .get(`${ASSETS}/${BUNDLE_NAME}`, () => asset(bundle, 'text/javascript'))
    .get(`${ASSETS}/swagger-ui.css`, () => asset(stylesheet, 'text/css'))
}

const asset = (path: string, type: string): Response =>
  new Response(Bun.file(path), {
    headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': CACHED },
  })

const TAGS = [
  { name: 'provisioning', description: 'Starting engines and other containers' },
  { name: 'engines', description: 'What proxies may use' },
  { name: 'fleet', description: 'How many engines there are, and what is done about it' },
  { name: 'streams', description: 'The books of the streams' },
  { name: 'events', description: 'What proxies report' },
  { name: 'journal', description: 'What happened, and what happens' },
  { name: 'containers', description: 'Our containers as Docker sees them' },
  { name: 'status', description: 'The state of the whole' },
]
