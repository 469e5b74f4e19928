import type { Status } from '../api/types.ts'
import { pullPart, pullWords } from '../reading/image.ts'
import { duration } from '../reading/words.ts'

type Pull = NonNullable<Status['image']['pull']>

/** How far the pull of the image is, and how long it may still take. */
export function PullProgress({ pull }: { readonly pull: Pull }) {
  const part = pullPart(pull)
  const words = pullWords(pull)
  return (
    <div class="pull">
      <progress aria-label="The image is being pulled" max={1} value={part ?? undefined} />
      <span>
        {words}
        {part !== null && part > 0 && `, some ${duration(pull.eta_seconds * 1_000)} more`}
      </span>
    </div>
  )
}
