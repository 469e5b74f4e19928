/** Deletes all keys of `known` that are not in `these`. */
export function keepOnly<Key>(
  known: Pick<Map<Key, unknown> | Set<Key>, 'keys' | 'delete'>,
  these: Pick<ReadonlySet<Key>, 'has'>,
): void {
  for (const key of known.keys()) if (!these.has(key)) known.delete(key)
}
