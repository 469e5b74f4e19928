import { describe, expect, test } from 'bun:test'
import { crc32Mpeg, createFrameSource, FRAME_MS, frames, PACKET_BYTES } from '../mpegts.ts'
import { continuityErrors, parsePackets, parseSection, presentationTicks } from '../testing/packets.ts'

const NULL_PID = 0x1fff

describe('transport stream', () => {
  const source = createFrameSource(1000)
  const packets = parsePackets(frames(source, 1000, 50))

  test('the checksum is CRC-32/MPEG-2', () => {
    // The check value of this text in the catalogue of CRCs.
    expect(crc32Mpeg(Buffer.from('123456789'))).toBe(0x0376e6e7)
  })

  test('PAT leads to the PMT, the PMT to an H.264 stream that carries the clock', () => {
    const [pat, pmt, video] = packets
    if (pat === undefined || pmt === undefined || video === undefined) throw new Error('packets are missing')
    const [patSection, pmtSection] = [parseSection(pat), parseSection(pmt)]
    expect(pat.pid).toBe(0)
    expect([...patSection.subarray(8, 12)]).toEqual([0, 1, 0xe0 | (pmt.pid >> 8), pmt.pid & 0xff])
    expect([...pmtSection.subarray(8, 10)]).toEqual([0xe0 | (video.pid >> 8), video.pid & 0xff])
    expect(pmtSection[12]).toBe(0x1b)
    expect([...video.payload.subarray(0, 4)]).toEqual([0, 0, 1, 0xe0])
  })

  test('counters have no gap, over frames and over the border of two reads', () => {
    expect(continuityErrors(packets)).toBe(0)
    const border = parsePackets(Buffer.concat([frames(source, 7, 3), frames(source, 10, 3)]))
    expect(continuityErrors(border)).toBe(0)
    expect(continuityErrors(packets.toSpliced(3, 1))).toBeGreaterThan(0)
  })

  test('clock and presentation time rise by a frame each, the latter ahead', () => {
    const starts = packets.filter(({ pcr }) => pcr !== null)
    expect(starts).toHaveLength(50)
    for (const [index, packet] of starts.entries()) {
      expect(packet.pcr).toBe((1000 + index) * FRAME_MS * 90)
      expect(presentationTicks(packet)).toBe((1000 + index) * FRAME_MS * 90 + 45_000)
    }
  })

  test('both times wrap at 33 bits, and agree with each other there', () => {
    const beyond = Math.ceil(2 ** 33 / (FRAME_MS * 90)) + 1
    const packet = parsePackets(source.frame(beyond))[2]
    if (packet === undefined) throw new Error('the packet is missing')
    expect(packet.pcr).toBe(beyond * FRAME_MS * 90 - 2 ** 33)
    expect(presentationTicks(packet)).toBe(beyond * FRAME_MS * 90 + 45_000 - 2 ** 33)
  })

  test.each([100, 376, 1000, 5000])('null packets fill a stream up to %d kbit/s', (bitrateKbps) => {
    const { bytesPerMs, frame } = createFrameSource(bitrateKbps)
    const packetRate = (PACKET_BYTES * 8) / FRAME_MS
    expect(bytesPerMs * 8).toBeGreaterThanOrEqual(bitrateKbps)
    expect(bytesPerMs * 8).toBeLessThan(Math.max(bitrateKbps, 3 * packetRate) + packetRate + 1e-6)
    expect(parsePackets(frame(0)).filter(({ pid }) => pid === NULL_PID).length).toBeGreaterThan(0)
  })
})
