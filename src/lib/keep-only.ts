/** Forgets what is known of all keys but these. */
export function keepOnly<Key>(
  known: Pick<Map<Key, unknown> | Set<Key>, 'keys' | 'delete'>,
  these: Pick<ReadonlySet<Key>, 'has'>,
): void {
  for (const key of known.keys()) if (!these.has(key)) known.delete(key)
}
