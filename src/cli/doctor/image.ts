import { type Platform, runsOn } from '../../core/engines/platform.ts'
import type { RecipeChoice } from '../../core/engines/recipe-choice.ts'
import { recipeFor, recipeOf } from '../../core/engines/recipe-choice.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import { type Asked, fault, ok, type Row, skipped, unanswered, warning } from './row.ts'

export interface ImageFacts {
  readonly image: string
  readonly pull: 'never' | 'missing' | 'always'
  readonly choice: RecipeChoice
  readonly hasCommand: boolean
  readonly found: Asked<Platform & { readonly sizeBytes: number }>
  readonly host: Asked<Platform>
  /** What is wrong with the image by its name and the settings, as the server warns of it. */
  readonly warnings: Readonly<
    Record<'image_unknown' | 'image_unservable' | 'cache_unbounded', Warning | null>
  >
}

/** Whether the image of the engines is here, runs on this host, and is known. */
export function imageRows(facts: ImageFacts): readonly Row[] {
  return [presenceRow(facts), platformRow(facts), ...recipeRows(facts)]
}

function presenceRow({ image, pull, found }: ImageFacts): Row {
  if (found.kind === 'answer')
    return ok('image', `${image} is here (${Math.round(found.value.sizeBytes / 1e6)} MB)`)
  if (found.kind !== 'missing') return unanswered('image', found)
  return pull === 'never'
    ? fault('image', `${image} is not on this Docker host`, `run: docker pull ${image}; or set PULL=missing`)
    : warning(
        'image',
        `${image} is not on this Docker host yet; the server pulls it at its start (PULL=${pull})`,
        `run: docker pull ${image}, if it should be here before`,
      )
}

function platformRow({ image, found, host }: ImageFacts): Row {
  if (found.kind === 'missing') return skipped('image_platform', 'the image is not here')
  if (found.kind !== 'answer') return unanswered('image_platform', found)
  if (host.kind !== 'answer') return unanswered('image_platform', host)
  const [made, here] = [nameOf(found.value), nameOf(host.value)]
  return runsOn(found.value, host.value)
    ? ok('image_platform', `made for ${made}, which this Docker host (${here}) runs`)
    : fault(
        'image_platform',
        `${image} is made for ${made}, and this Docker host is ${here}: its engines will not start`,
        `set TARGET_IMAGE to an image for ${here} (roundhouse --recipes), or install emulation (binfmt) on the host`,
      )
}

function recipeRows({ image, choice, hasCommand, warnings }: ImageFacts): readonly Row[] {
  const { image_unknown: unknown, image_unservable: unservable, cache_unbounded: unbounded } = warnings
  const rows = [
    ...(unservable === null ? [] : [fault('image_recipe', unservable.message, unservable.remedy)]),
    ...(unknown === null ? [] : [warning('image_recipe', unknown.message, unknown.remedy)]),
    ...(unbounded === null ? [] : [warning('image_cache', unbounded.message, unbounded.remedy)]),
  ]
  return rows.some(({ check }) => check === 'image_recipe')
    ? rows
    : [ok('image_recipe', recipeText(image, choice, hasCommand)), ...rows]
}

function recipeText(image: string, choice: RecipeChoice, hasCommand: boolean): string {
  const command = hasCommand ? ', with the command of ENGINE_CMD' : ''
  const recipe = recipeOf(choice, image)
  if (recipe === null) return `no recipe (ENGINE_RECIPE=none)${command}`
  const how = choice === 'auto' ? 'found by the name of the image' : 'chosen by ENGINE_RECIPE'
  return choice === 'auto' && recipeFor(image) === null
    ? `the variables of the recipe ${recipe.name}${command}`
    : `recipe ${recipe.name}, ${how}${command}`
}

const nameOf = ({ os, architecture }: Platform): string => `${os}/${architecture}`
