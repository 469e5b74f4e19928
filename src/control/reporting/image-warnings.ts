import type { Recipe } from '../../core/engines/recipe.ts'
import { type RecipeChoice, recipeFor, recipeOf } from '../../core/engines/recipe-choice.ts'
import type { Warning, WarningCode } from '../../core/reporting/warnings.ts'

/** The settings that say how engines of the template's image are started. */
export interface ImageSettings {
  readonly image: string
  readonly recipe: RecipeChoice
  readonly command: readonly string[] | null
  readonly tmpfs: Readonly<Record<string, string>>
}

type ImageCode = Extract<WarningCode, 'image_unknown' | 'image_unservable' | 'cache_unbounded'>

/** What is wrong with an image by its name and the settings alone, without a look at the image; null for what is right. */
export const imageWarnings = (settings: ImageSettings): Readonly<Record<ImageCode, Warning | null>> => ({
  image_unknown: unknown(settings),
  image_unservable: unservable(settings),
  cache_unbounded: unbounded(settings),
})

/** Users who say themselves how their image is started need no advice. */
const isUsersOwn = ({ recipe, command }: ImageSettings): boolean => recipe !== 'auto' || command !== null

function unknown(settings: ImageSettings): Warning | null {
  const { image } = settings
  if (isUsersOwn(settings) || recipeFor(image) !== null) return null
  return {
    message: `how engines of ${image} are started is not known, so they get the variables of acestream-http-proxy, which many images do not read`,
    remedy:
      'set ENGINE_RECIPE to the recipe that fits (docs/ENGINES.md and --recipes list them; variables if the image reads ' +
      'these variables), or ENGINE_CMD',
  }
}

function unservable(settings: ImageSettings): Warning | null {
  const { image } = settings
  const known = isUsersOwn(settings) ? null : recipeFor(image)
  if (known === null || known.unservable === null) return null
  return {
    message: `engines of ${image} cannot be served: ${known.unservable}`,
    remedy: `set TARGET_IMAGE to another image, or ENGINE_RECIPE or ENGINE_CMD if this one can be told its ports. ${known.note}`,
  }
}

function unbounded(settings: ImageSettings): Warning | null {
  const { image, recipe } = settings
  const known = recipeOf(recipe, image)
  if (known === null || known.unservable !== null || isBounded(known, settings)) return null
  const path = known.cache.path ?? '/path/of/the/cache'
  return {
    message: `nothing limits the cache of engines of ${image}, which may fill the disk`,
    remedy: `set ENGINE_TMPFS="${path}:size={cache_bytes},mode=1777" to have it in memory, or a limit in ENGINE_CMD`,
  }
}

/** Whether something limits the cache. The limit of a recipe's command is gone if the user gave another command. */
function isBounded({ command, cache }: Recipe, settings: ImageSettings): boolean {
  const isReplaced = command !== null && settings.command !== null
  const isLimited = isReplaced
    ? settings.command.some((word) => word.includes('cache'))
    : cache.bound !== 'none'
  return isLimited || Object.keys(settings.tmpfs).some((folder) => isWithin(cache.path, folder))
}

const isWithin = (path: string | null, folder: string): boolean =>
  path !== null && `${path}/`.startsWith(`${folder.replace(/\/+$/, '')}/`)
