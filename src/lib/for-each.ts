/**
 * Does the work for each item, for `atOnce` of them at a time. After an error nothing new is begun; the first error is thrown
 * when the work under way has ended.
 */
export async function forEach<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values()
  const errors: unknown[] = []
  const take = async (): Promise<void> => {
    for (const item of left) {
      if (errors.length > 0) return
      await work(item).catch((error: unknown) => errors.push(error))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, take))
  if (errors.length > 0) throw errors[0]
}
