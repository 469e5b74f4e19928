/**
 * What operators asked for. An order excuses what would be a fault otherwise. The simulation keeps the orders itself,
 * outside the database.
 */
export class Orders {
  readonly #deleted = new Set<string>()
  readonly #drained = new Set<string>()
  readonly #stopped = new Set<string>()
  #scale: number | null = null

  /** Notes that a DELETE was sent, whatever its result. */
  delete(containerId: string): void {
    this.#deleted.add(containerId)
  }

  /** Notes that a DELETE of a stream was sent. */
  stop(streamId: string): void {
    this.#stopped.add(streamId)
  }

  isStopped(streamId: string): boolean {
    return this.#stopped.has(streamId)
  }

  drain(containerId: string): void {
    this.#drained.add(containerId)
  }

  /** Notes that `/scale/{n}` was accepted, whether or not the answer arrived. */
  scale(n: number): void {
    this.#scale = n
  }

  /** `MIN_REPLICAS` holds again: the last `/scale` was undone, or that setting changed at a restart. */
  unscale(): void {
    this.#scale = null
  }

  isDeleted(containerId: string): boolean {
    return this.#deleted.has(containerId)
  }

  isDrained(containerId: string): boolean {
    return this.#drained.has(containerId)
  }

  minimum(minReplicas: number): number {
    return this.#scale ?? minReplicas
  }
}
