import { recipeFacts } from '../core/engines/recipe-facts.ts'
import { RECIPES } from '../core/engines/recipes.ts'
import { wrap } from './texts.ts'

const HEAD = `The recipe of an image is found by its name, whatever registry, tag or digest it has.
ENGINE_RECIPE chooses another one; ENGINE_CMD and ENGINE_ENV win over it.
`

/** The text of `--recipes`: each recipe with what is sent to its images. */
export const recipesText = (): string => [HEAD, ...RECIPES.map(recipeText)].join('\n')

const recipeText = (recipe: (typeof RECIPES)[number]): string =>
  `${recipe.name}\n${recipeFacts(recipe)
    .map(([name, text]) => wrap(`${name}: ${text}`, '  '))
    .join('')}`
