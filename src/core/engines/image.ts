/**
 * An image reference in the form that Docker accepts: host and port of a registry, a repository in lower case, a tag, a
 * digest. Docker refuses other references only when a container is created, so they are checked earlier.
 */
export const IMAGE_REFERENCE =
  /^([\w.-]+(:\d+)?\/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/

const DEFAULT_REGISTRY = 'docker.io'
const DIGEST = /^(?:sha256:)?([0-9a-f]{64})$/

/** The parts of a reference as they are written: `tag` and `digest` are null where there is none. */
export interface ImageParts {
  /** The registry; null for Docker's default. */
  readonly host: string | null
  /** The repository in the registry, such as `user/name`. */
  readonly path: string
  readonly tag: string | null
  readonly digest: string | null
}

/** Splits a reference into its parts. Null for the id of an image, which is no reference. */
export function imageParts(reference: string): ImageParts | null {
  if (DIGEST.test(reference)) return null
  const [named = '', digest = null] = reference.split('@')
  const slash = named.indexOf('/')
  const host = named.slice(0, Math.max(slash, 0))
  // Without one of these signs, the part before the slash belongs to a name at the default registry.
  const hasHost = /[.:A-Z]/.test(host) || host === 'localhost'
  const [path = '', tag = null] = named.slice(hasHost ? slash + 1 : 0).split(':')
  const isDefault = !hasHost || host === DEFAULT_REGISTRY || host === `index.${DEFAULT_REGISTRY}`
  return { host: isDefault ? null : host, path, tag, digest }
}

/**
 * Whether two references name one image, as Docker reads them: `name`, `name:latest` and `docker.io/library/name` are the
 * same.
 */
export const isSameImage = (one: string, other: string): boolean =>
  one === other || whole(one) === whole(other)

/**
 * Completes a reference with everything that Docker adds to it. A digest alone identifies the image, so a tag beside it is
 * left out. The id of an image is no reference: only Docker could tell which names lead to it.
 */
function whole(reference: string): string {
  const parts = imageParts(reference)
  if (parts === null) return `sha256:${DIGEST.exec(reference)?.[1] ?? ''}`
  const { host, path, tag, digest } = parts
  const repository = host === null && !path.includes('/') ? `library/${path}` : path
  return `${host ?? DEFAULT_REGISTRY}/${repository}${digest === null ? `:${tag ?? 'latest'}` : `@${digest}`}`
}
