/** A request that is wrong in itself: every field at fault, with what to do. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest'

  constructor(readonly fields: readonly { readonly path: readonly string[]; readonly message: string }[]) {
    super(fields.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
  }
}

/** A request names an image that only callers with a key may name. */
export class ImageNotAllowed extends Error {
  override readonly name = 'ImageNotAllowed'

  constructor() {
    // The image is not repeated: proxies look for words in what they are answered.
    super(
      'without an API_KEY only TARGET_IMAGE and the images of ALLOWED_IMAGES may be started: add this one to ALLOWED_IMAGES, or set API_KEY',
    )
  }
}

/** An `Idempotency-Key` that was used with another body. */
export class KeyReused extends Error {
  override readonly name = 'KeyReused'

  constructor() {
    super('this Idempotency-Key was used with another body; send a new key with this one')
  }
}

/** The caller went away before its answer was ready; nobody reads what is thrown. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone'

  constructor() {
    super('the caller went away')
  }
}

/** Nothing of ours has this id. */
export class NotFound extends Error {
  override readonly name = 'NotFound'
}

/** What is said of a container that is not there, and just so of one that is not ours: nothing is told of strangers. */
export const CONTAINER_NOT_FOUND = 'container not found'

/** An engine that is only being provisioned can't be drained; it can soon. */
export class EngineNotRunning extends Error {
  override readonly name = 'EngineNotRunning'

  constructor(engine: string) {
    super(`engine ${engine} is still being provisioned; ask again when it runs, or delete it`)
  }
}
