/**
 * Adds the tag `latest` to the name of an image that has neither a tag nor a digest. Without it, Docker's API pulls every tag
 * of the name.
 */
export function withTag(reference: string): string {
  // A colon before the last slash belongs to the port of a registry.
  const last = reference.slice(reference.lastIndexOf('/') + 1)
  return /[:@]/.test(last) ? reference : `${reference}:latest`
}
