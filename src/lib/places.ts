/** How many may be there at a time, in all and from one address. */
export interface PlaceLimits {
  readonly all: number
  readonly ofOneAddress: number
}

/** A bounded number of places, for answers that last. */
export class Places {
  #taken = 0
  readonly #byAddress = new Map<string, number>()

  constructor(private readonly limits: PlaceLimits) {}

  /**
   * Takes a place, and returns the function that gives it back, or null if there is none left. A null address is not
   * counted by itself.
   */
  take(address: string | null): (() => void) | null {
    const ofAddress = address === null ? 0 : (this.#byAddress.get(address) ?? 0)
    if (this.#taken >= this.limits.all || ofAddress >= this.limits.ofOneAddress) return null
    this.#add(address, 1)
    let isTaken = true
    return () => {
      if (isTaken) this.#add(address, -1)
      isTaken = false
    }
  }

  #add(address: string | null, count: number): void {
    this.#taken += count
    if (address === null) return
    const ofAddress = (this.#byAddress.get(address) ?? 0) + count
    if (ofAddress > 0) this.#byAddress.set(address, ofAddress)
    else this.#byAddress.delete(address)
  }
}
