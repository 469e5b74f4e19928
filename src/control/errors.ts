/** The request itself is invalid. `fields` lists every wrong field, each with a message that says what to do. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest'

  constructor(readonly fields: readonly { readonly path: readonly string[]; readonly message: string }[]) {
    super(fields.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
  }
}

/** The request names an image that callers may only use if an `API_KEY` is set. */
export class ImageNotAllowed extends Error {
  override readonly name = 'ImageNotAllowed'

  constructor() {
    // The message does not contain the image name: proxies search error messages for certain words.
    super(
      'without an API_KEY only TARGET_IMAGE and the images of ALLOWED_IMAGES may be started: add this one to ALLOWED_IMAGES, or set API_KEY',
    )
  }
}

/** The `Idempotency-Key` was used before with another body. */
export class KeyReused extends Error {
  override readonly name = 'KeyReused'

  constructor() {
    super('this Idempotency-Key was used with another body; send a new key with this one')
  }
}

/** The caller disconnected before its answer was ready. Nobody receives this error. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone'

  constructor() {
    super('the caller went away')
  }
}

/** This installation has nothing with this id or name. */
export class NotFound extends Error {
  override readonly name = 'NotFound'
}

/** The message for a container that does not exist. A container that is not ours gets the same one, so it stays unknown. */
export const CONTAINER_NOT_FOUND = 'container not found'

/** An engine that is still being provisioned cannot be drained yet. */
export class EngineNotRunning extends Error {
  override readonly name = 'EngineNotRunning'

  constructor(engine: string) {
    super(`engine ${engine} is still being provisioned; ask again when it runs, or delete it`)
  }
}
