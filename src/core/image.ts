/**
 * An image reference as Docker takes it: host and port of a registry, a repository in lower case, a tag, a digest. Docker
 * refuses any other only when a container is created.
 */
export const IMAGE_REFERENCE =
  /^([\w.-]+(:\d+)?\/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/
