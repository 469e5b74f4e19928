import { describe, expect, test } from 'bun:test'
import { dockerRuntimeAt } from '../../support/docker.ts'
import { httpAnswer, rawDaemon } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'

/** What the runtime makes of an answer to the question what a container uses. */
async function usageFrom(body: unknown) {
  const asked: string[] = []
  using daemon = rawDaemon((wire, request) => {
    asked.push(request)
    wire.send(httpAnswer(200, body))
  })
  const usage = await dockerRuntimeAt(daemon.dockerHost).meters.usage('abc')
  expect(asked).toEqual(['GET /containers/abc/stats?stream=false&one-shot=true HTTP/1.1'])
  return usage
}

const READ = { read: '2026-11-28T23:49:05.535412377Z' }

describe('what a container uses', () => {
  test('is read from the first version of control groups', async () => {
    const answer = {
      ...READ,
      cpu_stats: { cpu_usage: { total_usage: 42_447_537 } },
      memory_stats: {
        usage: 5_779_456,
        stats: { inactive_file: 1, total_inactive_file: 779_456 },
        limit: 25_276_502_016,
      },
      networks: { eth0: { rx_bytes: 200, tx_bytes: 7 }, eth1: { rx_bytes: 1, tx_bytes: 2 } },
      blkio_stats: {
        io_service_bytes_recursive: [
          { major: 8, minor: 0, op: 'Read', value: 4_096 },
          { major: 8, minor: 0, op: 'Write', value: 8_192 },
          { major: 8, minor: 16, op: 'Read', value: 1 },
          { major: 8, minor: 0, op: 'Total', value: 12_288 },
        ],
      },
    }
    expect(await usageFrom(answer)).toEqual({
      atMs: Date.parse('2026-11-28T23:49:05.535Z'),
      cpuMs: 42.447537,
      memoryBytes: 5_000_000,
      network: { receivedBytes: 201, sentBytes: 9 },
      blocks: { readBytes: 4_097, writtenBytes: 8_192 },
    })
  })

  test('is read from the second version', async () => {
    const blocks = [
      { op: 'read', value: 3 },
      { op: 'write', value: 4 },
    ]
    const answer = {
      ...READ,
      memory_stats: { usage: 900, stats: { inactive_file: 100 } },
      blkio_stats: { io_service_bytes_recursive: blocks },
    }
    expect(await usageFrom(answer)).toMatchObject({
      memoryBytes: 800,
      blocks: { readBytes: 3, writtenBytes: 4 },
    })
  })

  test('is not known where nothing is counted, and nothing of what does not run', async () => {
    const nothing = {
      atMs: Date.parse(READ.read),
      cpuMs: null,
      memoryBytes: null,
      network: null,
      blocks: null,
    }
    expect(await usageFrom(READ)).toEqual(nothing)
    const empty = {
      cpu_stats: null,
      memory_stats: {},
      networks: null,
      blkio_stats: { io_service_bytes_recursive: [] },
    }
    expect(await usageFrom({ ...READ, ...empty })).toEqual(nothing)
    expect(await usageFrom({ read: '0001-01-01T00:00:00Z', memory_stats: {} })).toBeNull()
  })

  test('is no answer of another server', async () => {
    await failureOf('unreachable', usageFrom({ cpu: 1 }))
    await failureOf('unreachable', usageFrom({ ...READ, cpu_stats: { cpu_usage: { total_usage: 'x' } } }))
  })
})
