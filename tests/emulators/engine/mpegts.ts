/** Size of a transport stream packet (ISO/IEC 13818-1). */
export const PACKET_BYTES = 188
/** A video frame lasts 40 ms: 25 frames a second. */
export const FRAME_MS = 40

const PROGRAM_MAP_PID = 0x1000
const VIDEO_PID = 0x100
const TICKS_PER_FRAME = 90 * FRAME_MS
/** A frame is shown half a second after it arrived, so its PTS is always ahead of the clock (PCR). */
const PRESENTATION_DELAY_TICKS = 45_000
/** PAT, PMT, and at least one packet of video and one of padding. */
const PACKETS_PER_FRAME_MIN = 4

/** Makes the frames of one endless programme. A frame is a pure function of its number. */
export interface FrameSource {
  readonly frameBytes: number
  readonly bytesPerMs: number
  /** The bytes of frame `index` (>= 0): always the same for the same index, `frameBytes` long. */
  frame(index: number): Uint8Array
}

/**
 * Creates a source of valid MPEG transport stream at a constant bit rate. Each frame is a whole number of packets: PAT, PMT,
 * a PES packet with PCR and PTS, then null packets as padding, which are a quarter of the frame.
 *
 * The rate is rounded up to the next whole packet per frame (steps of 37.6 kbit/s, at least 150.4). All counters are
 * computed from the frame's number: two readers of one segment receive the same bytes, and no state is kept.
 */
export function createFrameSource(bitrateKbps: number): FrameSource {
  const packets = Math.max(PACKETS_PER_FRAME_MIN, Math.ceil((bitrateKbps * FRAME_MS) / 8 / PACKET_BYTES))
  const videoPackets = Math.max(1, Math.floor((packets - 2) * 0.75))
  const template = frameTemplate(packets, videoPackets)

  function frame(index: number): Uint8Array {
    const bytes = template.slice()
    setContinuity(bytes, 0, index)
    setContinuity(bytes, 1, index)
    for (let packet = 0; packet < videoPackets; packet += 1) {
      setContinuity(bytes, 2 + packet, index * videoPackets + packet)
    }
    const ticks = index * TICKS_PER_FRAME
    bytes.set(clockReference(ticks), 2 * PACKET_BYTES + 6)
    bytes.set(presentationTime(ticks + PRESENTATION_DELAY_TICKS), 2 * PACKET_BYTES + 21)
    return bytes
  }

  return { frameBytes: template.length, bytesPerMs: template.length / FRAME_MS, frame }
}

/** Frames `first` to `first + count - 1`, one after the other. */
export function frames(source: FrameSource, first: number, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count * source.frameBytes)
  for (let offset = 0; offset < count; offset += 1) {
    bytes.set(source.frame(first + offset), offset * source.frameBytes)
  }
  return bytes
}

function frameTemplate(packets: number, videoPackets: number): Uint8Array {
  const bytes = new Uint8Array(packets * PACKET_BYTES).fill(0xff)
  const place = (packet: number, content: readonly number[]) => bytes.set(content, packet * PACKET_BYTES)

  place(0, [...packetHeader(0, 'starts', 'payload'), 0, ...section(programAssociation())])
  place(1, [...packetHeader(PROGRAM_MAP_PID, 'starts', 'payload'), 0, ...section(programMap())])
  place(2, [...packetHeader(VIDEO_PID, 'starts', 'adaptation'), ...adaptationField(), ...pesHeader()])
  for (let packet = 3; packet < 2 + videoPackets; packet += 1) {
    place(packet, packetHeader(VIDEO_PID, 'continues', 'payload'))
  }
  // The filler NAL unit ends with its stop bit, and so does the access unit.
  bytes[(2 + videoPackets) * PACKET_BYTES - 1] = 0x80
  for (let packet = 2 + videoPackets; packet < packets; packet += 1) {
    place(packet, packetHeader(0x1fff, 'continues', 'payload'))
  }
  return bytes
}

function packetHeader(
  pid: number,
  unit: 'starts' | 'continues',
  content: 'payload' | 'adaptation',
): number[] {
  const start = unit === 'starts' ? 0x40 : 0
  return [0x47, start | (pid >> 8), pid & 0xff, content === 'payload' ? 0x10 : 0x30]
}

/** One programme, number 1. */
function programAssociation(): number[] {
  return [0x00, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | (PROGRAM_MAP_PID >> 8), PROGRAM_MAP_PID & 0xff]
}

/** One elementary stream of H.264 (type 0x1b), which also carries the PCR. */
function programMap(): number[] {
  const video = [0xe0 | (VIDEO_PID >> 8), VIDEO_PID & 0xff]
  return [0x02, 0xb0, 18, 0, 1, 0xc1, 0, 0, ...video, 0xf0, 0, 0x1b, ...video, 0xf0, 0]
}

function section(content: readonly number[]): number[] {
  const crc = crc32Mpeg(content)
  return [...content, crc >>> 24, (crc >>> 16) & 0xff, (crc >>> 8) & 0xff, crc & 0xff]
}

/**
 * CRC-32/MPEG-2: polynomial 0x04c11db7, start value all ones, not reflected. Over a section with its CRC, the result is 0.
 */
export function crc32Mpeg(bytes: Iterable<number>): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  }
  return crc >>> 0
}

/** Seven bytes: random access point, PCR present. The six bytes of the PCR are filled in per frame. */
const adaptationField = (): number[] => [7, 0x50, 0, 0, 0, 0, 0, 0]

/** A video PES packet of open length with a PTS, then an access unit delimiter and the start of a filler NAL unit. */
const pesHeader = (): number[] => [
  ...[0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0, 0, 0, 0, 0],
  ...[0, 0, 0, 1, 0x09, 0xf0],
  ...[0, 0, 0, 1, 0x0c],
]

function setContinuity(bytes: Uint8Array, packet: number, counter: number): void {
  const at = packet * PACKET_BYTES + 3
  bytes[at] = ((bytes[at] ?? 0) & 0xf0) | (counter % 16)
}

/** 33 bits of a 90 kHz clock, six reserved bits, and nine bits of a 27 MHz extension that stays 0. */
function clockReference(ticks: number): number[] {
  const base = ticks % 2 ** 33
  const high = Math.floor(base / 2)
  return [
    (high >>> 24) & 0xff,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    ((base % 2) << 7) | 0x7e,
    0,
  ]
}

/** 33 bits in three groups, each followed by a marker bit. */
function presentationTime(ticks: number): number[] {
  const pts = ticks % 2 ** 33
  const high = Math.floor(pts / 2 ** 30)
  const middle = Math.floor(pts / 2 ** 15) & 0x7fff
  const low = pts % 2 ** 15
  return [0x21 | (high << 1), middle >> 7, ((middle & 0x7f) << 1) | 1, low >> 7, ((low & 0x7f) << 1) | 1]
}
