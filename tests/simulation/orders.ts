/** What operators asked for, since it excuses what would be a fault otherwise. Kept by the simulation, not by the books. */
export class Orders {
  readonly #deleted = new Set<string>()
  readonly #drained = new Set<string>()
  readonly #stopped = new Set<string>()
  #scale: number | null = null

  /** A DELETE was sent, whatever came of it. */
  delete(containerId: string): void {
    this.#deleted.add(containerId)
  }

  /** A DELETE of a stream was sent. */
  stop(streamId: string): void {
    this.#stopped.add(streamId)
  }

  isStopped(streamId: string): boolean {
    return this.#stopped.has(streamId)
  }

  drain(containerId: string): void {
    this.#drained.add(containerId)
  }

  /** `/scale/{n}` was accepted, whether or not the answer came. */
  scale(n: number): void {
    this.#scale = n
  }

  /** `MIN_REPLICAS` changed with a restart: the last `/scale` is void. */
  minChanged(): void {
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
