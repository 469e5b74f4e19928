import stylesheet from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import bundle from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import { hashOf, type Packed, packed } from './assets.ts'

/*
 * The page of Swagger UI and what it loads. All addresses are relative, so that the page works behind a reverse proxy that
 * takes a prefix away.
 */

/** How long the page lets the feed run if its user gave no end, because Swagger UI shows an answer only when it has ended. */
const FEED_S = 10

/**
 * A key is kept only while the page is open. Earlier versions kept the key in the browser, so it is removed there. The
 * document is found from this script's own address, because the page has two.
 */
const START = `localStorage.removeItem('authorized')
const ownAddress = document.currentScript.src
const dark = matchMedia('(prefers-color-scheme: dark)')
const paint = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', paint)
paint()
SwaggerUIBundle({
  url: new URL('../json', ownAddress).href,
  dom_id: '#swagger-ui',
  persistAuthorization: false,
  validatorUrl: 'none',
  filter: true,
  displayRequestDuration: true,
  requestInterceptor: (request) => {
    const url = new URL(request.url, location.href)
    const asked = url.searchParams
    if (url.pathname.endsWith('/events/stream') && !asked.has('limit') && !asked.has('duration_s')) {
      asked.set('duration_s', '${FEED_S}')
      request.url = url.href
    }
    return request
  },
})
`

/** Swagger UI's own colours, for the time until it has drawn itself. */
const STYLE = `body { margin: 0 }
@media (prefers-color-scheme: dark) { html { background: #1c2022; color-scheme: dark } }
`

/** A roundhouse from above: tracks that lead to a turntable. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" stroke="#2f8f6b" stroke-width="3" fill="none">
<path d="M16 2v6M16 24v6M2 16h6M24 16h6M6 6l4.5 4.5M21.5 21.5 26 26M26 6l-4.5 4.5M10.5 21.5 6 26"/>
<circle cx="16" cy="16" r="7.5"/><path d="M10 16h12" stroke-width="4"/>
</svg>
`

/** The page and its assets, which have their hash in their names. */
export interface SwaggerPage {
  /** The page, for an address whose relative path to `/swagger/` is `base`. */
  html(base: string): string
  readonly assets: ReadonlyMap<string, Packed>
}

/** Reads the files of Swagger UI. They take some 100 ms of another thread, so this happens when the page is first asked for. */
export async function swaggerPage(): Promise<SwaggerPage> {
  const contents = [
    { name: 'swagger-ui', end: 'css', type: 'text/css; charset=utf-8', of: Bun.file(stylesheet).bytes() },
    { name: 'page', end: 'css', type: 'text/css; charset=utf-8', of: STYLE },
    { name: 'swagger-ui-bundle', end: 'js', type: SCRIPT, of: Bun.file(bundle).bytes() },
    { name: 'start', end: 'js', type: SCRIPT, of: START },
    { name: 'icon', end: 'svg', type: 'image/svg+xml', of: ICON },
  ]
  const files = await Promise.all(
    contents.map(async ({ name, end, type, of }) => {
      const content = await of
      return [`${name}.${hashOf(content)}.${end}`, await packed(type, content)] as const
    }),
  )
  const names = files.map(([name]) => name)
  return { html: (base) => htmlOf(names, `${base}assets/`), assets: new Map(files) }
}

const SCRIPT = 'text/javascript; charset=utf-8'

const htmlOf = (names: readonly string[], folder: string): string => {
  const lines = names.map((name) => {
    if (name.endsWith('.css')) return `<link rel="stylesheet" href="${folder}${name}">`
    if (name.endsWith('.svg')) return `<link rel="icon" type="image/svg+xml" href="${folder}${name}">`
    return `<script src="${folder}${name}"></script>`
  })
  const isScript = (line: string): boolean => line.startsWith('<script')
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Roundhouse</title>
${lines.filter((line) => !isScript(line)).join('\n')}
</head>
<body>
<div id="swagger-ui"></div>
${lines.filter(isScript).join('\n')}
</body>
</html>
`
}
