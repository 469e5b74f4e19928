/** A UDP port that counts what it receives and never answers. */
export class UdpPort {
  #socket: { close(): void } | null = null
  #received = 0

  /** `name` is the name of the port in messages. */
  constructor(readonly name: string) {}

  /** How many datagrams have come. */
  get received(): number {
    return this.#received
  }

  /** Resolves when the port is open. @throws {Error} with the name of the port if it is taken or not allowed. */
  async listen(port: number, address: string): Promise<void> {
    const data = () => {
      this.#received += 1
    }
    try {
      this.#socket = await Bun.udpSocket({ hostname: address, port, socket: { data } })
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`${this.name} port ${port} cannot be opened: ${reason}`, { cause })
    }
  }

  /** Closes the port. Does nothing if it was never opened. */
  close(): void {
    this.#socket?.close()
    this.#socket = null
  }
}
