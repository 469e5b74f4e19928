import { describe, expect, test } from 'bun:test'
import { SWARM_RIGHTS } from '../../../src/core/reporting/docker-rights.ts'
import { DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '../../../src/runtime/docker.ts'
import { type ContainerSpec, type Runtime, RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { createSwarmRuntime } from '../../../src/runtime/swarm.ts'
import { httpAnswer, PONG, piece, rawDaemon, type Wire } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'
import { aNode, aService, aTask, NOT_STARTED, unplaced } from '../../support/swarm-builders.ts'

const SPEC: ContainerSpec = {
  ...{ name: 'acestream-1', image: 'engine:1', env: {}, labels: {}, ports: [], publishAddress: '' },
  ...{ network: null, host: 'node-1', memoryBytes: null, cpus: null },
}

const HANDLERS = { onOpen: () => undefined, onEvent: () => undefined, onChange: () => undefined }
const LOG_HANDLERS = { onOpen: () => undefined, onLines: async () => undefined }
const signal = () => new AbortController().signal

const CALLS: Readonly<Record<string, (runtime: Runtime) => Promise<unknown>>> = {
  create: (runtime) => runtime.create(SPEC),
  start: (runtime) => runtime.start('abc'),
  stop: (runtime) => runtime.stop('abc', 0),
  destroy: (runtime) => runtime.destroy('abc'),
  discard: (runtime) => runtime.discard('abc'),
  inspect: (runtime) => runtime.inspect('abc'),
  list: (runtime) => runtime.list(),
  logs: (runtime) => runtime.logs('abc', { lines: 20, bytes: 1_000 }),
  followLog: (runtime) => runtime.followLog('abc', { lines: 20 }, LOG_HANDLERS, signal()),
  ping: (runtime) => runtime.ping(),
  events: (runtime) => runtime.events(HANDLERS, signal()),
  hosts: async (runtime) => await runtime.hosts?.list(),
  'a watch of hosts': async (runtime) => await runtime.hosts?.watch(HANDLERS, signal()),
}

/** Runs a test with a runtime whose manager answers each request as `answer` says. */
async function withManager(
  answer: (request: string) => string,
  run: (runtime: Runtime, requests: readonly string[]) => Promise<void>,
): Promise<void> {
  const requests: string[] = []
  using daemon = rawDaemon(({ send }: Wire, line) => {
    const request = line.replace(' HTTP/1.1', '')
    requests.push(request)
    send(answer(request))
  })
  const runtime = createSwarmRuntime({
    ...{ dockerHost: daemon.dockerHost, label: { key: 'roundhouse.test', value: 'fake' }, publish: 'host' },
    ...{ deadlinesMs: { ...DEFAULT_DEADLINES_MS, start: 500 }, logs: DEFAULT_LOG_LIMITS },
  })
  await run(runtime, requests)
}

const says = (status: number, message: string): string => httpAnswer(status, { message })

describe('what a Docker Engine says that is no manager of a whole swarm', () => {
  test.each([
    [
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
      'docker swarm init',
    ],
    [
      "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state.",
      'DOCKER_HOST',
    ],
    [
      "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online.",
      'docker node ls',
    ],
    ['Swarm is encrypted and needs to be unlocked before it can be used.', 'docker swarm unlock'],
  ])('"%s" is unreachable, without an effect, and has a remedy', async (words, remedy) => {
    const answer = (request: string) => (request === 'GET /_ping' ? PONG : says(503, words))
    await withManager(answer, async (runtime) => {
      for (const [name, call] of Object.entries(CALLS)) {
        const failure = await failureOf('unreachable', call(runtime))
        expect([name, failure.effect, failure.message.includes(remedy)]).toEqual([name, 'none', true])
      }
    })
  })

  test('a manager that does not get through to its leader leaves the effect unknown', async () => {
    const words = 'rpc error: code = DeadlineExceeded desc = context deadline exceeded'
    await withManager(
      () => says(500, words),
      async (runtime) => {
        for (const call of [CALLS.start, CALLS.list, CALLS.hosts])
          expect((await failureOf('unreachable', call?.(runtime) ?? Promise.resolve())).effect).toBe(
            'unknown',
          )
      },
    )
  })
})

describe('what answers in place of a manager', () => {
  const page = 'HTTP/1.1 200 X\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\n<html/>'
  test.each([
    ['a page', page],
    ['an object of another kind', httpAnswer(200, { hello: 'world' })],
    ['a list of another kind', httpAnswer(200, [{ ID: 1 }, null])],
    ['a page that is not found', page.replace('200', '404')],
  ])('%s is no swarm', async (_, answer) => {
    await withManager(
      () => answer,
      async (runtime) => {
        for (const [name, call] of Object.entries(CALLS)) {
          const outcome = await call(runtime).catch((error: unknown) => error)
          expect([name, outcome instanceof RuntimeFailure && outcome.code]).toEqual([name, 'unreachable'])
        }
      },
    )
  })
})

describe('a change of a service', () => {
  /** A manager whose service is started, while somebody else changes it this many times before. */
  const contested = (others: number) => {
    let updates = 0
    return (request: string) => {
      if (request.startsWith('POST')) {
        updates++
        return updates <= others
          ? says(500, 'rpc error: code = Unknown desc = update out of sequence')
          : httpAnswer(200, {})
      }
      if (request.startsWith('GET /tasks')) return httpAnswer(200, updates > others ? [aTask(1)] : [])
      return httpAnswer(200, aService(NOT_STARTED))
    }
  }

  test('is made again after that of somebody else', async () => {
    await withManager(contested(2), async (runtime, requests) => {
      await runtime.start('service-1')
      expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(3)
    })
  })

  test('is given up when it always comes too late', async () => {
    await withManager(contested(99), async (runtime) => {
      const failure = await failureOf('refused', runtime.start('service-1'))
      expect(failure.message).toContain('out of sequence')
    })
  })

  test.each(['1 node not available for new tasks', 'host-mode port already in use on 1 node'])(
    'that starts what the scheduler puts on no node at first ("%s") waits for a moment',
    async (words) => {
      const looks = [[], [unplaced(1, words)], [unplaced(1, words)], [aTask(1)]]
      const answer = (request: string) => {
        if (request.startsWith('POST')) return httpAnswer(200, {})
        if (request.startsWith('GET /tasks')) return httpAnswer(200, looks.shift())
        return httpAnswer(200, aService(NOT_STARTED))
      }
      await withManager(answer, async (runtime) => {
        await runtime.start('service-1')
        expect(looks).toEqual([])
      })
    },
  )

  test('that starts what stays pending is unreachable in time, and its effect is not known', async () => {
    let isUpdated = false
    const answer = (request: string) => {
      isUpdated ||= request.startsWith('POST')
      if (request.startsWith('POST')) return httpAnswer(200, {})
      if (request.startsWith('GET /tasks')) {
        const task = unplaced(1, '')
        return httpAnswer(200, isUpdated ? [{ ...task, Status: { ...task.Status, Err: '' } }] : [])
      }
      return httpAnswer(200, aService(NOT_STARTED))
    }
    await withManager(answer, async (runtime) => {
      expect((await failureOf('unreachable', runtime.start('service-1'))).effect).toBe('unknown')
    })
  })
})

describe('the log of a service', () => {
  const manager = (log: string) => (request: string) => {
    if (!request.includes('/logs?')) return httpAnswer(200, aService())
    return `HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\nContent-Length: ${Buffer.byteLength(log, 'latin1')}\r\n\r\n${log}`
  }
  const time = (second: number) => `2026-11-29T08:00:0${second}.000000000Z`
  const read = (runtime: Runtime, isTimed = false) =>
    runtime.logs('service-1', { lines: 3, bytes: 1_000, isTimed })

  test('has the lines of all tasks in the order of their times, and the last of them', async () => {
    const log = [4, 5, 1, 2]
      .map((second) => piece(second % 2 === 0 ? 2 : 1, `${time(second)} line ${second}\n`))
      .join('')
    await withManager(manager(log), async (runtime) => {
      expect(await read(runtime)).toBe('line 2\nline 4\nline 5\n')
      expect(await read(runtime, true)).toBe(
        [2, 4, 5].map((second) => `${time(second)} line ${second}\n`).join(''),
      )
    })
  })

  test('that a node does not give is unreachable, with the words of the manager', async () => {
    const error = piece(1, '').replace('\x01', '\x03')
    const words =
      'Error grabbing logs: warning: incomplete log stream. some logs could not be retrieved for the following reasons: node abc is not available'
    const log = error.slice(0, 4) + String.fromCharCode(0, 0, 0, words.length) + words
    await withManager(manager(piece(1, `${time(1)} line\n`) + log), async (runtime) => {
      const failure = await failureOf('unreachable', read(runtime))
      expect([failure.effect, failure.message.includes('node abc is not available')]).toEqual(['none', true])
    })
  })
})

describe('what a proxy in front of a manager forbids', () => {
  test('is told by the right that it takes', async () => {
    const forbidden = /\/services|\/info/
    const answer = (request: string) =>
      forbidden.test(request) ? 'HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n' : says(404, 'no such thing')
    await withManager(answer, async (runtime) => {
      expect(await runtime.forbidden()).toEqual(['services', 'service_create', 'service_remove', 'info'])
    })
    await withManager(
      () => 'HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n',
      async (runtime) => expect(await runtime.forbidden()).toEqual(SWARM_RIGHTS),
    )
  })

  test('leaves the hosts known, but not which of them is ours', async () => {
    const answer = (request: string) =>
      request === 'GET /info' ? 'HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n' : httpAnswer(200, [aNode()])
    await withManager(answer, async (runtime) => {
      expect(await runtime.hosts?.list()).toMatchObject([{ id: 'node-1', isOurs: false }])
    })
  })
})
