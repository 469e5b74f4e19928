/** A running container that a proxy sends its requests from. */
export interface ProxyContainer {
  readonly id: string
  readonly name: string
  /** The names of its networks. */
  readonly networks: readonly string[]
}
