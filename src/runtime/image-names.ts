import { imageParts } from '../core/engines/image.ts'

/**
 * Adds the tag `latest` to the name of an image that has neither a tag nor a digest. Without it, Docker's API pulls every tag
 * of the name.
 */
export function withTag(reference: string): string {
  const parts = imageParts(reference)
  return parts !== null && parts.tag === null && parts.digest === null ? `${reference}:latest` : reference
}
