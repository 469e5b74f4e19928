import { isLoopback } from './callers.ts'

/** Gives an answer that lasts, piece by piece. */
export interface Reader {
  /** Resolves with the next bytes, or with null when the answer has ended. Only one call may be open at a time. */
  next(): Promise<Uint8Array<ArrayBuffer> | null>
  end(): void
}

/** The address to count a reader by; null for a reader on this machine, who is not counted. */
export const countedAddress = (address: string | null): string | null =>
  address !== null && isLoopback(address) ? null : address

/**
 * Takes from the reader only as much as the client's connection accepts. The rest waits in the reader, within its limits.
 */
export function bodyOf(reader: Reader): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isCancelled = false
  return new ReadableStream(
    {
      pull: async (controller) => {
        const bytes = await reader.next()
        if (isCancelled) return
        if (bytes === null) controller.close()
        else controller.enqueue(bytes)
      },
      cancel: () => {
        isCancelled = true
        reader.end()
      },
    },
    { highWaterMark: 0 },
  )
}
