import { crc32Mpeg, PACKET_BYTES } from '../mpegts.ts'

/** One parsed transport stream packet. */
export interface Packet {
  readonly pid: number
  readonly starts: boolean
  readonly counter: number
  /** 90 kHz ticks; null if the packet has no PCR. */
  readonly pcr: number | null
  readonly payload: Uint8Array
}

/** Splits a stream into packets. @throws {Error} if it does not consist of whole packets with the sync byte. */
export function parsePackets(bytes: Uint8Array): readonly Packet[] {
  if (bytes.length % PACKET_BYTES !== 0) throw new Error(`${bytes.length} bytes are not whole packets`)
  return Array.from({ length: bytes.length / PACKET_BYTES }, (_, index) =>
    parsePacket(bytes.subarray(index * PACKET_BYTES, (index + 1) * PACKET_BYTES)),
  )
}

function parsePacket(bytes: Uint8Array): Packet {
  const [sync = 0, second = 0, third = 0, fourth = 0, length = 0, flags = 0] = bytes
  if (sync !== 0x47) throw new Error(`sync byte is ${sync}`)
  const hasAdaptation = (fourth & 0x20) !== 0
  const hasPcr = hasAdaptation && length > 0 && (flags & 0x10) !== 0
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0] = bytes.subarray(6)
  return {
    pid: ((second & 0x1f) << 8) | third,
    starts: (second & 0x40) !== 0,
    counter: fourth & 0x0f,
    pcr: hasPcr ? (b0 * 2 ** 24 + b1 * 2 ** 16 + b2 * 2 ** 8 + b3) * 2 + (b4 >> 7) : null,
    payload: bytes.subarray(hasAdaptation ? 5 + length : 4),
  }
}

/** The section in a packet that starts one, including its CRC. @throws {Error} if the CRC is wrong. */
export function parseSection({ payload }: Packet): Uint8Array {
  const start = 1 + (payload[0] ?? 0)
  const length = (((payload[start + 1] ?? 0) & 0x0f) << 8) | (payload[start + 2] ?? 0)
  const section = payload.subarray(start, start + 3 + length)
  if (crc32Mpeg(section) !== 0) throw new Error('the section has a wrong CRC')
  return section
}

/** The presentation time in a packet that starts a PES packet, in 90 kHz ticks. */
export function presentationTicks({ payload }: Packet): number {
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0] = payload.subarray(9)
  return ((b0 >> 1) & 7) * 2 ** 30 + (b1 << 22) + ((b2 >> 1) << 15) + (b3 << 7) + (b4 >> 1)
}

/** Counts packets whose counter does not follow the previous one of the same PID. Null packets have no counter. */
export function continuityErrors(packets: readonly Packet[]): number {
  const last = new Map<number, number>()
  let errors = 0
  for (const { pid, counter } of packets) {
    const before = last.get(pid)
    if (pid !== 0x1fff && before !== undefined && counter !== (before + 1) % 16) errors += 1
    last.set(pid, counter)
  }
  return errors
}
