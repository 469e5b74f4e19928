/** The recipes in docs/ENGINES.md, from their table. */

import { recipeFacts } from '../src/core/engines/recipe-facts.ts'
import { RECIPES } from '../src/core/engines/recipes.ts'
import { item } from './docs-text.ts'

/** Describes all recipes: each with its facts, and what is sent to its images as code. */
export const enginesPart = (): string => RECIPES.map(section).join('\n\n')

function section(recipe: (typeof RECIPES)[number]): string {
  const facts = recipeFacts(recipe).filter(([name]) => !SENT.has(name))
  const { command, env, unservable } = recipe
  const words = command === null ? [] : [`CMD ${JSON.stringify(command)}`]
  const variables = Object.entries(env).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  const sent = unservable === null ? [...words, ...variables].map((line) => `    ${line}`) : []
  const list = facts.map(([name, text]) => item(`${name}: ${name === 'images' ? inCode(text) : text}`))
  return [`### \`${recipe.name}\``, list.join('\n'), ...(sent.length === 0 ? [] : [sent.join('\n')])].join(
    '\n\n',
  )
}

/** What is shown as code. */
const SENT: ReadonlySet<string> = new Set(['command', 'variables'])

const inCode = (names: string): string => names.replaceAll(/[^, ]+/g, '`$&`')
