import { describe, expect, test } from 'bun:test'
import type { PullProgress } from '../../../src/runtime/runtime.ts'
import { dockerRuntimeAt, until } from '../../support/docker.ts'
import { chunkOf, httpAnswer, rawDaemon, STREAM_HEADERS, type Wire } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'

const IMAGE = 'registry.test:5000/engine:1'
const IGNORED = () => undefined
const line = (message: object) => chunkOf(`${JSON.stringify(message)}\r\n`)
const downloading = (id: string, current: number, total?: number) =>
  line({ status: 'Downloading', id, progressDetail: { current, total } })
const BEGINNING = line({ status: 'Pulling from engine', id: '1' })
const DONE = line({ status: `Status: Downloaded newer image for ${IMAGE}` })

/** Answers a pull with these lines. */
const telling =
  (...lines: readonly string[]) =>
  (wire: Wire) =>
    wire.send(STREAM_HEADERS + lines.join('') + chunkOf(''))

/** Pulls from a daemon, and returns what was told of the progress. */
async function pulled(answer: (wire: Wire) => void, reference = IMAGE): Promise<PullProgress[]> {
  using daemon = rawDaemon(answer)
  const told: PullProgress[] = []
  await dockerRuntimeAt(daemon.dockerHost).registry.pull(reference, (progress) => told.push(progress))
  return told
}

function cutOff(wire: Wire): void {
  wire.send(STREAM_HEADERS + BEGINNING + downloading('l1', 1, 2))
  wire.cut()
}

describe('a pull', () => {
  test('asks for one tag', async () => {
    const asked: string[] = []
    using daemon = rawDaemon((wire, request) => {
      asked.push(request)
      telling(BEGINNING, DONE)(wire)
    })
    await dockerRuntimeAt(daemon.dockerHost).registry.pull('a/engine', IGNORED)
    expect(asked).toEqual(['POST /images/create?fromImage=a%2Fengine%3Alatest HTTP/1.1'])
  })

  test('adds up the layers that come, and leaves out what is no download', async () => {
    const told = await pulled(
      telling(
        BEGINNING,
        line({ status: 'Already exists', progressDetail: {}, id: 'l0' }),
        line({ status: 'Pulling fs layer', progressDetail: {}, id: 'l1' }),
        downloading('l1', 10, 100),
        downloading('l2', 5, 50),
        line({ status: 'Verifying Checksum', progressDetail: {}, id: 'l1' }),
        line({ status: 'Extracting', progressDetail: { current: 1, total: 1_000 }, id: 'l1' }),
        downloading('l2', 20, 50),
        DONE,
      ),
    )
    expect(told.at(-1)).toEqual({ currentBytes: 120, totalBytes: 150, layersDone: 1, layers: 3 })
  })

  test('tells of no more than has come where the size is not known', async () => {
    const told = await pulled(telling(BEGINNING, downloading('l1', 10), downloading('l1', 30, -1), DONE))
    expect(told.at(-1)).toMatchObject({ currentBytes: 30, totalBytes: 30 })
  })

  test('counts the layers that are here, those that wait among all, and the tag as none', async () => {
    const about = (status: string, id: string) => line({ status, progressDetail: {}, id })
    const told = await pulled(
      telling(
        ...[BEGINNING, about('Already exists', 'l0'), about('Pulling fs layer', 'l1')],
        ...[about('Pulling fs layer', 'l2'), about('Waiting', 'l2'), downloading('l1', 10, 100)],
        ...[about('Download complete', 'l1'), about('Pull complete', 'l1'), DONE],
      ),
    )
    expect(told.at(-1)).toEqual({ currentBytes: 100, totalBytes: 100, layersDone: 2, layers: 3 })
  })

  test('tells of a quick download a few times a second, and of its end', async () => {
    const lines = Array.from({ length: 10_000 }, (_, at) => downloading('l1', at + 1, 10_000))
    const beganMs = performance.now()
    const told = await pulled((wire) => {
      wire.send(STREAM_HEADERS + BEGINNING)
      for (const each of lines) wire.send(each)
      wire.send(DONE + chunkOf(''))
    })
    expect(told.length).toBeLessThanOrEqual(2 + (performance.now() - beganMs) / 250)
    expect(told.at(-1)).toMatchObject({ currentBytes: 10_000, totalBytes: 10_000 })
  })

  test.each([
    ['not found', 404, 'manifest for engine:2 not found: manifest unknown: manifest unknown', 'refused'],
    ['not found in the middle', 200, 'unknown blob', 'refused'],
    ['too large', 200, 'failed to register layer: write /a: no space left on device', 'refused'],
    ['rationed', 500, 'toomanyrequests: You have reached your pull rate limit.', 'refused'],
    [
      'not to be found by name',
      500,
      'Get "https://registry.test:5000/v2/": dial tcp: lookup a: no such host',
      'unreachable',
    ],
    [
      'away',
      500,
      'Get "https://registry.test:5000/v2/": dial tcp 10.0.0.1:5000: connect: connection refused',
      'unreachable',
    ],
    ['slow', 500, 'Get "https://registry.test:5000/v2/": net/http: TLS handshake timeout', 'unreachable'],
    ['too slow', 500, 'Get "https://registry.test:5000/v2/": context deadline exceeded', 'unreachable'],
    ['gone in the middle', 200, 'unexpected EOF', 'unreachable'],
    ['ill', 500, 'received unexpected HTTP status: 503 Service Unavailable', 'unreachable'],
  ] as const)('from a registry that is %s or has what is (%d): %s', async (_, status, words, code) => {
    const error = line({ errorDetail: { message: words }, error: words })
    using daemon = rawDaemon((wire) =>
      status === 200 ? telling(BEGINNING, error)(wire) : wire.send(httpAnswer(status, { message: words })),
    )
    const failure = await failureOf(code, dockerRuntimeAt(daemon.dockerHost).registry.pull(IMAGE, IGNORED))
    expect(failure.message).toContain(words)
    expect(failure.message).toContain(IMAGE)
    expect(failure.effect).toBe('none')
  })

  test('of what needs a login says how to get it', async () => {
    const message =
      "pull access denied for engine, repository does not exist or may require 'docker login': denied: " +
      'requested access to the resource is denied'
    using daemon = rawDaemon((wire) => wire.send(httpAnswer(404, { message })))
    const failure = await failureOf(
      'refused',
      dockerRuntimeAt(daemon.dockerHost).registry.pull(IMAGE, IGNORED),
    )
    expect(failure.message).toContain(message)
    expect(failure.message).toContain(`docker pull ${IMAGE}`)
  })

  test.each<readonly [string, (wire: Wire) => void]>([
    ['is cut off', cutOff],
    ['has what is no JSON', (wire) => wire.send(STREAM_HEADERS + BEGINNING + chunkOf('{"status":\n'))],
    ['has what is no message', (wire) => wire.send(STREAM_HEADERS + BEGINNING + line({ status: 7 }))],
    ['has a line without an end', (wire) => wire.send(STREAM_HEADERS + chunkOf('x'.repeat(1024 * 1024 + 1)))],
  ])('that %s is unreachable, and leaves no connection behind', async (_, answer) => {
    using daemon = rawDaemon(answer)
    const failure = await failureOf(
      'unreachable',
      dockerRuntimeAt(daemon.dockerHost).registry.pull(IMAGE, IGNORED),
    )
    expect(failure.effect).toBe('unknown')
    await until('its connection is closed', () => daemon.open() === 0)
  })

  test('that ends without a message is unreachable, as what is none of Docker’s', async () => {
    const failure = await failureOf('unreachable', pulled(telling()))
    expect(failure.message).toContain('in place of Docker')
  })

  test('that is silent for too long is unreachable, however long it was not', async () => {
    using daemon = rawDaemon((wire) => {
      wire.send(STREAM_HEADERS + BEGINNING)
      for (let at = 1; at <= 6; at++) setTimeout(() => wire.send(downloading('l1', at, 100)), at * 100)
    })
    const runtime = dockerRuntimeAt(daemon.dockerHost, { pull: 300 })
    const beganMs = performance.now()
    const failure = await failureOf('unreachable', runtime.registry.pull(IMAGE, IGNORED))
    expect(performance.now() - beganMs).toBeWithin(890, 3_000)
    expect(failure.message).toContain(`did not go on with the pull of image ${IMAGE} within 300 ms`)
    await until('its connection is closed', () => daemon.open() === 0)
  })
})
