import { swagger } from '@elysiajs/swagger'
import { type AnyElysia, Elysia } from 'elysia'
import { KEPT, once, type Packed, packed, sent } from './assets.ts'
import { type Keyed, tidyDocument } from './openapi.ts'
import { notFound } from './problems.ts'
import { type SwaggerPage, swaggerPage } from './swagger-page.ts'
import { pathOf } from './target.ts'

const PAGE = '/swagger'
const DOCUMENT = '/swagger/json'

/**
 * The page loads everything from us and contains no inline script. Swagger UI has its icons in its stylesheet, as `data:`
 * URLs.
 */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * Serves Swagger UI at `/swagger` and the API document at `/swagger/json`. The plugin writes the document on an inner app
 * that has the same routes and never listens; `tidyDocument` makes it valid. The page is our own, because the plugin's page
 * loads its assets from another server and contains an inline script.
 */
export function docs(routes: AnyElysia, options: { readonly version: string; readonly keyed: Keyed }) {
  const document = once(() => documentOf(routes, options))
  const page = once(swaggerPage)
  return new Elysia({ name: 'docs', detail: { hide: true } })
    .get(PAGE, async ({ request }) => new Response(htmlAt(await page(), request), { headers: PAGE_HEADERS }))
    .get(DOCUMENT, async ({ request }) => sent(await document(), request, 'no-cache'))
    .get(`${PAGE}/assets/:name`, async ({ params, request }) => {
      const asset = (await page()).assets.get(params.name)
      return asset === undefined ? notFound(pathOf(request.url), []) : sent(asset, request, KEPT)
    })
}

/** The page has two addresses: `/swagger` and `/swagger/`. */
const htmlAt = (page: SwaggerPage, { url }: Request): string =>
  page.html(pathOf(url).endsWith('/') ? '' : 'swagger/')

async function documentOf(
  routes: AnyElysia,
  { version, keyed }: { readonly version: string; readonly keyed: Keyed },
): Promise<Packed> {
  const inner = new Elysia().use(routes).use(
    swagger({
      path: PAGE,
      specPath: DOCUMENT,
      documentation: {
        info: {
          title: 'Roundhouse',
          version,
          description:
            'Keeps a fleet of AceStream engine containers and serves them to the acexy proxy. Every answer has the id of its ' +
            'request as X-Request-Id, by which the log names it; a request may bring its own. A parameter or a member of a body ' +
            'that an operation does not know is refused with 422, and so is a parameter that is given twice. Only what proxies ' +
            'and platforms ask for (engines, streams, the status, provisions and events of acexy, the probes, the metrics) ' +
            'passes that over.',
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
  const written = await (await inner.handle(new Request(`http://localhost${DOCUMENT}`))).json()
  return packed('application/json', JSON.stringify(tidyDocument(written, keyed)))
}

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': POLICY,
  // The page names the assets of this version.
  'cache-control': 'no-cache',
}

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
