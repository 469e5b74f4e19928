import { expect, test } from 'bun:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type ContainerSpec, type Runtime, RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { dockerRuntimeAt } from '../../support/docker.ts'
import { type FakeDaemon, httpAnswer, rawDaemon } from '../../support/fake-daemon.ts'

/** How long a proxy in front of the socket keeps a connection that is not used. */
const KEPT_MS = 20
const CLIENTS = ['a', 'b', 'c', 'd', 'e']

const SPEC: Omit<ContainerSpec, 'name'> = {
  image: 'engine:1',
  env: {},
  labels: {},
  ports: [],
  publishAddress: '',
  network: null,
  memoryBytes: null,
  cpus: null,
}

/** A proxy in front of Docker that closes each connection when it was not used for so long. Counts what it answered. */
function closingProxy(answer: (number: number) => string): FakeDaemon & { readonly answered: () => number } {
  let answered = 0
  const proxy = rawDaemon(({ send, cut }) => {
    send(answer(++answered))
    setTimeout(cut, KEPT_MS)
  })
  return Object.assign(proxy, { answered: () => answered })
}

/**
 * Makes calls from several clients, each one after the other, and collects the effects of those that failed. The pause is as
 * long as the proxy waits, half a millisecond more or less.
 */
async function effectsOf(
  times: number,
  dockerHost: string,
  call: (runtime: Runtime, name: string) => Promise<unknown>,
): Promise<string[]> {
  const effects: string[] = []
  const client = async (letter: string) => {
    const runtime = dockerRuntimeAt(dockerHost)
    for (let number = 1; number <= times / CLIENTS.length; number++) {
      await call(runtime, `acestream-${letter}${number}`).catch((error: unknown) => {
        if (!(error instanceof RuntimeFailure)) throw error
        effects.push(error.effect)
      })
      await delay(KEPT_MS + ((number % 5) - 2) / 4)
    }
  }
  await Promise.all(CLIENTS.map(client))
  return effects
}

test('no creation is lost to a connection that a proxy closes at that moment', async () => {
  using proxy = closingProxy((number) => httpAnswer(201, { Id: `c${number}` }))
  const create = (runtime: Runtime, name: string) => runtime.create({ ...SPEC, name })
  expect(await effectsOf(500, proxy.dockerHost, create)).toEqual([])
  expect(proxy.answered()).toBe(500)
})

test('a question is asked again if a kept connection is closed at that moment', async () => {
  using proxy = closingProxy(() => httpAnswer(200, []))
  expect(await effectsOf(500, proxy.dockerHost, (runtime) => runtime.list())).toEqual([])
})
