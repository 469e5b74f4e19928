import { swagger } from '@elysiajs/swagger'
import { type AnyElysia, Elysia } from 'elysia'
import stylesheet from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import bundle from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import { type Keyed, tidyDocument } from './openapi.ts'

const PAGE = '/swagger'
const DOCUMENT = '/swagger/json'
const ASSETS = '/swagger/assets'

/**
 * The page loads everything from us and contains no inline script. Swagger UI has its icons in its stylesheet, as `data:`
 * URLs.
 */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const HTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Roundhouse</title>
<link rel="stylesheet" href="${ASSETS}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${ASSETS}/swagger-ui-bundle.js"></script>
<script src="${ASSETS}/start.js"></script>
</body>
</html>
`

/** A key is kept only while the page is open. Earlier versions kept the key in the browser, so it is removed there. */
const START = `localStorage.removeItem('authorized')
SwaggerUIBundle({ url: '${DOCUMENT}', dom_id: '#swagger-ui', persistAuthorization: false, validatorUrl: 'none' })
`

/** Assets are cached for a year, because they belong to one version of the package. */
const CACHED = 'public, max-age=31536000'

/**
 * Serves Swagger UI at `/swagger` and the API document at `/swagger/json`. The plugin writes the document on an inner app
 * that has the same routes and never listens; `tidyDocument` makes it valid. The page is our own, because the plugin's page
 * loads its assets from another server and contains an inline script.
 */
export function docs(routes: AnyElysia, options: { readonly version: string; readonly keyed: Keyed }) {
  const { version, keyed } = options
  const inner = new Elysia().use(routes).use(
    swagger({
      path: PAGE,
      specPath: DOCUMENT,
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
  let document: Promise<string> | null = null
  const tidied = async (): Promise<string> =>
    JSON.stringify(
      tidyDocument(await (await inner.handle(new Request(`http://localhost${DOCUMENT}`))).json(), keyed),
    )
  return new Elysia({ name: 'docs', detail: { hide: true } })
    .get(PAGE, () => new Response(HTML, { headers: PAGE_HEADERS }))
    .get(DOCUMENT, async () => {
      document ??= tidied()
      return new Response(await document, { headers: { 'content-type': 'application/json' } })
    })
    .get(`${ASSETS}/start.js`, () => new Response(START, { headers: SCRIPT_HEADERS }))
    .get(`${ASSETS}/swagger-ui-bundle.js`, () => asset(bundle, 'text/javascript'))
    .get(`${ASSETS}/swagger-ui.css`, () => asset(stylesheet, 'text/css'))
}

const PAGE_HEADERS = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY }
const SCRIPT_HEADERS = { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache' }

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
