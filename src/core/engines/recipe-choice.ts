import { imageParts } from './image.ts'
import type { ImagePattern, Recipe } from './recipe.ts'
import { RECIPES, VARIABLES } from './recipes.ts'

/** What ENGINE_RECIPE says: `auto` for the recipe of the image, `none`, or the name of a recipe. */
export type RecipeChoice = string

/** The names that ENGINE_RECIPE takes beside `auto` and `none`: those of the recipes that serve. */
export const recipeNames = (): readonly string[] =>
  RECIPES.filter(({ unservable }) => unservable === null).map(({ name }) => name)

/**
 * The recipe of an image by its name, whatever registry it comes from and below whatever path a mirror keeps it; null for an
 * unknown image. A reference with a digest alone has the tag of no pattern.
 */
export function recipeFor(image: string): Recipe | null {
  const parts = imageParts(image)
  if (parts === null) return null
  const tag = parts.tag ?? (parts.digest === null ? 'latest' : null)
  return RECIPES.find(({ images }) => images.some((each) => fits(each, parts.path, tag))) ?? null
}

/** The recipe that is used for an image; null for none. An unknown image gets the built-in variables. */
export function recipeOf(choice: RecipeChoice, image: string): Recipe | null {
  if (choice === 'none') return null
  if (choice === 'auto') return recipeFor(image) ?? VARIABLES
  return RECIPES.find(({ name }) => name === choice) ?? null
}

function fits({ repository, tags }: ImagePattern, path: string, tag: string | null): boolean {
  const isNamed = path === repository || path.endsWith(`/${repository}`)
  return isNamed && (tags === undefined || (tag !== null && tags.some((pattern) => hasTag(pattern, tag))))
}

const hasTag = (pattern: string, tag: string): boolean =>
  pattern.endsWith('*') ? tag.startsWith(pattern.slice(0, -1)) : tag === pattern
