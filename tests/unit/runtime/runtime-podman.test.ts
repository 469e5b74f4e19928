import { describe, expect, test } from 'bun:test'
import type { ContainerEvent } from '../../../src/runtime/runtime.ts'
import { dockerRuntimeAt, until } from '../../support/docker.ts'
import { chunkOf, httpAnswer, rawDaemon, STREAM_HEADERS } from '../../support/fake-daemon.ts'

/*
 * Recorded from Podman 4.3.1 (Debian 12) behind its socket for Docker's API. Ids are shortened. The words of its refusals
 * are in the table of runtime-docker-words.
 */

const ID = '601b493c730a304677a76f293c2235a6'

/** A message of its event stream. Attributes are labels, and its own beside Docker's. */
const message = (action: string, more: Record<string, string> = {}): string =>
  JSON.stringify({
    status: action,
    id: ID,
    from: 'docker.io/roundhouse-test/tiny:latest',
    Type: 'container',
    Action: action,
    Actor: {
      ID,
      Attributes: { a: 'b', containerExitCode: '0', ...more, image: 'tiny', name: 'one', podId: '' },
    },
    scope: 'local',
    time: 1_795_916_266,
    timeNano: 1_795_916_266_873_860_000,
  })

/** Its words of one life, with both of those that versions have for an end. */
const LIFE = ['create', 'init', 'start', 'pause', 'unpause', 'die', 'died', 'cleanup', 'remove']

/** Collects what is told while a daemon sends these words, and the question that it was asked. */
async function told(
  follow: 'events' | 'watch',
): Promise<{ events: ContainerEvent[]; changes: number; asked: string }> {
  const events: ContainerEvent[] = []
  let changes = 0
  let asked = ''
  using daemon = rawDaemon(({ send }, request) => {
    asked = decodeURIComponent(request)
    send(STREAM_HEADERS + LIFE.map((word) => chunkOf(`${message(word)}\n`)).join(''))
  })
  const runtime = dockerRuntimeAt(daemon.dockerHost)
  const stop = new AbortController()
  const onOpen = () => undefined
  const following =
    follow === 'events'
      ? runtime.events({ onOpen, onEvent: (event) => events.push(event) }, stop.signal)
      : runtime.neighbours.watch('one', { onOpen, onChange: () => changes++ }, stop.signal)
  const isEnd = () => events.at(-1)?.action === 'destroy' || changes === LIFE.length
  await until('the last word is told', isEnd)
  stop.abort()
  await following
  return { events, changes, asked }
}

describe('Podman', () => {
  test('tells of the end and of the removal in words of its own', async () => {
    const { events, asked } = await told('events')
    expect(events.map(({ action }) => action)).toEqual([
      ...(['create', 'start', 'pause', 'unpause', 'die', 'die', 'destroy'] as const),
    ])
    const atMs = 1_795_916_266_873
    expect(events.at(-1)).toEqual({ action: 'destroy', id: ID, name: 'one', labels: { a: 'b' }, atMs })
    // It sends nothing that its filter does not name, and its filter knows `died` alone.
    expect(asked).toContain('"die","destroy","pause","unpause","died","remove"')
  })

  test('tells of the same to who watches one container', async () => {
    const { changes, asked } = await told('watch')
    expect(changes).toBe(LIFE.length)
    expect(asked).toContain('"died","remove","rename","health_status"')
  })

  test('says 500 of a container that goes at that moment, and it is gone', async () => {
    const going = { message: `container ${ID} does not exist in database: no such container`, response: 500 }
    using daemon = rawDaemon(({ send }) => send(httpAnswer(500, going)))
    await dockerRuntimeAt(daemon.dockerHost).destroy(ID)
  })

  test('gives an inspection and a list that are read, without what Docker has beside', async () => {
    const network = { podman: { NetworkID: 'podman', IPAddress: '10.88.0.185' } }
    const inspected = {
      ...{
        Id: ID,
        Created: '2026-11-29T01:37:41.708603807Z',
        Name: '/one',
        RestartCount: 0,
        Image: `sha256:${ID}`,
      },
      State: {
        Status: 'running',
        ExitCode: 0,
        StartedAt: '2026-11-29T01:37:43.843274595Z',
        Health: { Status: '', Log: null },
      },
      Config: { Image: 'docker.io/roundhouse-test/tiny:latest', Labels: { a: 'b' } },
      HostConfig: { NetworkMode: 'bridge', PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '24001' }] } },
      NetworkSettings: { Ports: { '80/tcp': [{ HostIp: '', HostPort: '24001' }] }, Networks: network },
    }
    const listed = {
      ...{ Id: ID, Names: ['/one'], Image: 'docker.io/roundhouse-test/tiny:latest', ImageID: `sha256:${ID}` },
      ...{
        Created: 1_795_916_261,
        Ports: [{ PrivatePort: 80, PublicPort: 24_001, Type: 'tcp' }],
        Labels: { a: 'b' },
      },
      ...{ State: 'running', NetworkSettings: { Networks: network }, Name: '', Config: null, Platform: null },
    }
    using daemon = rawDaemon(({ send }, request) =>
      send(httpAnswer(200, request.includes(`/${ID}/json`) ? inspected : [listed])),
    )
    const runtime = dockerRuntimeAt(daemon.dockerHost)
    const ports = [{ containerPort: 80, hostPort: 24_001, protocol: 'tcp' }]
    const seen = { id: ID, name: 'one', state: 'running', ports, address: '10.88.0.185', health: null }
    expect(await runtime.inspect(ID)).toMatchObject(seen)
    expect(await runtime.list()).toMatchObject([seen])
  })
})
