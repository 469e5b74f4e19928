import type { PortKind } from '../types.ts'

/** Names of images: a repository without its registry, and the tags for which this holds. */
export interface ImagePattern {
  readonly repository: string
  /** Tags, or beginnings of tags before a `*`. All tags if missing. */
  readonly tags?: readonly string[]
}

/** How engines of one family of images are started. Texts have the placeholders of `PlaceholderValues`. */
export interface Recipe {
  readonly name: string
  readonly images: readonly ImagePattern[]
  /** Why engines of these images cannot be served; null if they can. */
  readonly unservable: string | null
  /** In Docker's words; empty if unknown. */
  readonly architectures: readonly string[]
  /** The command; null for the image's own. */
  readonly command: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  /** The ports that can be set. The engine listens for others where it always does. */
  readonly ports: readonly PortKind[]
  readonly cache: {
    /** The folder of the cache in the container; null if it is not on a disk, or unknown. */
    readonly path: string | null
    /** What keeps the cache small: a `flag` (or variable) with a limit, that it is in `memory`, or nothing. */
    readonly bound: 'flag' | 'memory' | 'none'
  }
  /** Whether a command can be run in the container to empty the cache. */
  readonly hasShell: boolean
  /** What people should know; may be empty. */
  readonly note: string
}
