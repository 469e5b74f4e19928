import type { ImagePattern, Recipe } from './recipe.ts'

/** A recipe in words for people: each fact with its name, in the order in which they are shown. */
export function recipeFacts(recipe: Recipe): readonly (readonly [string, string])[] {
  const { images, unservable, architectures, command, env, ports, note } = recipe
  const facts: readonly (readonly [string, string])[] = [
    ['images', images.map(named).join(', ')],
    ['cannot be served', unservable ?? ''],
    ['architectures', architectures.join(', ')],
    ['command', unservable === null ? (command ?? []).map(quoted).join(' ') : ''],
    ['variables', unservable === null ? variables(env) : ''],
    ['ports that can be set', unservable === null ? ports.join(', ') : ''],
    ['cache', unservable === null ? cacheInWords(recipe) : ''],
    ['note', note],
  ]
  return facts.filter(([, text]) => text !== '')
}

const named = ({ repository, tags }: ImagePattern): string =>
  tags === undefined ? repository : `${repository}:${tags.join('|')}`

/** A word as a shell needs it. */
const quoted = (word: string): string => (/\s/.test(word) ? `'${word}'` : word)

const variables = (env: Recipe['env']): string =>
  Object.entries(env)
    .map(([name, value]) => `${name}=${quoted(value.replaceAll('\n', ' '))}`)
    .join(' ')

const BOUNDS = {
  flag: 'limited by ENGINE_CACHE_LIMIT',
  memory: 'in memory',
  none: 'not limited: set ENGINE_TMPFS',
} as const satisfies Record<Recipe['cache']['bound'], string>

function cacheInWords({ cache: { path, bound }, hasShell }: Recipe): string {
  const emptied = path === null || !hasShell ? '' : ', emptied when the engine falls idle'
  return `${BOUNDS[bound]}${path === null ? '' : `, in ${path}`}${emptied}`
}
