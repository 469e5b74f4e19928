import type { Status } from '../api/types.ts'
import type { Answer } from './verdict.ts'
import { count } from './words.ts'

type Pull = NonNullable<Status['image']['pull']>

/** How far a pull is. Bytes are those of the layers that have begun to come, so layers tell more of what is left. */
export function pullWords({
  layers,
  layers_done: done,
  current_bytes: come,
  total_bytes: all,
}: Pull): string {
  if (layers === 0) return 'asked for, nothing has come yet'
  const bytes = all === 0 ? '' : `, ${megabytes(come)} of ${megabytes(all)} MB`
  return `${done} of ${count(layers, 'layer')}${bytes}`
}

const megabytes = (bytes: number): number => Math.round(bytes / 1_000_000)

/** How much of a pull is done, from 0 to 1: by layers, or by bytes if there is one layer; null if nothing is known. */
export function pullPart({
  layers,
  layers_done: done,
  current_bytes: come,
  total_bytes: all,
}: Pull): number | null {
  if (layers === 0) return null
  if (layers > 1) return done / layers
  return all === 0 ? null : come / all
}

/** Whether the image that engines are started from is there. */
export function imageAnswer(status: Status): Answer {
  const { image, config, warnings } = status
  const name = config.target_image
  if (image.state === 'present') return { tone: 'ok', word: 'There', text: name, remedy: null }
  if (image.state === 'pulling' || image.pull !== null)
    return { tone: 'busy', word: 'Being pulled', text: name, remedy: null }
  if (image.state === 'unknown')
    return { tone: 'unknown', word: 'Not known', text: `nobody could look for ${name} yet`, remedy: null }
  const warning = warnings.find(({ code }) => code === 'image_missing')
  const remedy = warning?.remedy ?? `run: docker pull ${name}`
  const why = image.pull_error === null ? '' : `; it could not be pulled: ${image.pull_error}`
  return { tone: 'bad', word: 'Missing', text: `${name} is not on this Docker host${why}`, remedy }
}
