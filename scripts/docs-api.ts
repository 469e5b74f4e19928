/** The routes in docs/API.md, from the API document that the server derives from its routes' schemas. */
import { Rig } from '../tests/support/rig.ts'
import { expanded } from './docs-references.ts'
import { membersOf, type Schema, typeOf } from './docs-schema.ts'
import { compactJson, item } from './docs-text.ts'

const PROBLEM = 'application/problem+json'

interface Content {
  readonly schema: Schema
  readonly example?: unknown
}

interface Answer {
  readonly description: string
  readonly content: Readonly<Record<string, Content>>
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
}

interface Operation {
  readonly tags: readonly string[]
  readonly summary: string
  readonly description: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Content>> }
  readonly responses: Readonly<Record<string, Answer>>
  readonly security?: readonly unknown[]
}

/** The parts of the API document that are used. */
interface ApiDocument {
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Route extends Operation {
  readonly name: string
}

/** Describes all routes, in the order of the document's tags. */
export async function apiPart(): Promise<string> {
  const rig = new Rig()
  const { tags, paths } = expanded(await rig.json<ApiDocument>('GET', '/swagger/json'))
  await rig.dispose()
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      ...operation,
      name: `${method.toUpperCase()} ${path}`,
    })),
  )
  const groups = tags.map((tag) => ({
    ...tag,
    routes: routes.filter((each) => each.tags.includes(tag.name)),
  }))
  // A shape that several routes answer with is described only once.
  const told = new Map<string, string>()
  return [
    '## The routes',
    ...groups.map((group) => `${group.description}:\n\n${group.routes.map(line).join('\n')}`),
    ...groups.flatMap((group) => [
      `## ${capital(group.name)}`,
      ...group.routes.map((each) => section(each, told)),
    ]),
  ].join('\n\n')
}

const line = ({ name, summary }: Route): string => item(`${linkTo(name)}: ${summary}`)

const linkTo = (name: string): string =>
  `[\`${name}\`](#${name
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')})`

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

function section(route: Route, told: Map<string, string>): string {
  const shape = (schema: Schema, depth: number): string[] =>
    membersOf(schema, depth, (text) => shared(text, route.name, told))
  const { parameters = [], requestBody, responses } = route
  const body = Object.values(requestBody?.content ?? {})[0]
  return [
    `### \`${route.name}\``,
    [
      item(route.summary),
      item(route.description),
      ...(route.security === undefined ? [] : [item('Needs the key where `API_KEY` is set.')]),
      ...parameters.map(parameter),
      ...(body === undefined
        ? []
        : [bodyItem(body.schema, requestBody?.required === true), ...shape(body.schema, 1)]),
      ...Object.entries(responses).flatMap(([status, answer]) => answerItems(status, answer, shape)),
      ...refusals(responses),
    ].join('\n'),
    ...(body?.example === undefined ? [] : ['A request:', fenced(body.example)]),
    ...examples(responses),
  ].join('\n\n')
}

/** Links to the route that described this shape first; null if this route is the first. */
function shared(shape: string, name: string, told: Map<string, string>): string | null {
  const first = told.get(shape) ?? name
  told.set(shape, first)
  return first === name ? null : linkTo(first)
}

function parameter({ name, in: where, required, description, schema }: Parameter): string {
  const place = { path: 'in the path', query: 'in the query', header: 'header' }[where]
  const need = required === true && where !== 'path' ? ', required' : ''
  const kind = typeOf(schema)
  const meaning = description === undefined || description === kind ? '' : `: ${description}`
  return item(`\`${name}\` (${place}${need}; ${kind})${meaning}.`)
}

const bodyItem = (schema: Schema, required: boolean): string =>
  item(`The body (${required ? 'required' : 'may be left out'}; ${typeOf(schema)}):`)

function answerItems(
  status: string,
  { description, content }: Answer,
  shape: (schema: Schema, depth: number) => string[],
): string[] {
  const [media, { schema } = { schema: {} }] = Object.entries(content)[0] ?? ['']
  if (media === PROBLEM) return []
  const form = media === 'application/json' ? typeOf(schema) : `\`${media}\``
  return [item(`**${status}** (${form}): ${description.replace(/\.$/, '')}.`), ...shape(schema, 1)]
}

/** Lists only the statuses. The table of errors describes the codes once for all routes. */
function refusals(responses: Operation['responses']): string[] {
  const statuses = Object.keys(responses).filter((status) => PROBLEM in (responses[status]?.content ?? {}))
  return statuses.length === 0 ? [] : [item(`[Errors](#errors): ${statuses.join(', ')}.`)]
}

const examples = (responses: Operation['responses']): string[] =>
  Object.values(responses)
    .flatMap(({ content }) => Object.values(content))
    .filter(({ example }) => example !== undefined)
    .flatMap(({ example }) => ['An answer:', fenced(example)])

const fenced = (example: unknown): string =>
  typeof example === 'string' ? `~~~text\n${example.trimEnd()}\n~~~` : `~~~json\n${compactJson(example)}\n~~~`
