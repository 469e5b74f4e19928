import { expect } from 'bun:test'
import type { Deadlines } from '../../src/runtime/docker.ts'
import {
  type ContainerEvent,
  type ContainerSpec,
  type Runtime,
  RuntimeFailure,
  type RuntimeFailureCode,
} from '../../src/runtime/runtime.ts'
import { PROGRAMS } from './tiny-image.ts'

/** What the suite needs of a runtime and of the host around it. */
export interface Subject {
  readonly runtime: Runtime
  /** The same container engine, by a runtime with other deadlines. */
  readonly withDeadlines: (deadlinesMs: Deadlines) => Runtime
  /** An image with `PROGRAMS`. */
  readonly image: string
  /** The label by which the runtime knows its own. */
  readonly label: Readonly<Record<string, string>>
  /** A label by which a foreign container is cleaned up all the same. */
  readonly foreignLabel: Readonly<Record<string, string>>
  /** A process outside takes the port, until the function it gives is called. */
  readonly takePort: (port: number) => () => void
  /** So many bytes, fewer than 64 KiB, come from outside to a container that runs in a network of its own. */
  readonly send: (id: string, bytes: number) => Promise<void>
  /** Somebody runs `docker pause`. */
  readonly pause: (id: string) => Promise<void>
  /** Creates and starts a container with a health check that fails at first, with words. */
  readonly startChecked: (spec: ContainerSpec) => Promise<Checked>
  readonly cleanUp: () => Promise<void>
}

/** A container whose health check does as it is told; its verdict follows soon. */
export interface Checked {
  readonly id: string
  readonly pass: () => Promise<void>
  readonly fail: () => Promise<void>
}

/** Gives the failure of a call that has to fail with this code. */
export async function failureOf(code: RuntimeFailureCode, call: Promise<unknown>): Promise<RuntimeFailure> {
  const outcome = await call.then(
    (value) => new Error(`The call succeeded with ${String(value)}.`),
    (error: unknown) => error,
  )
  if (!(outcome instanceof RuntimeFailure)) throw outcome
  expect(outcome.code).toBe(code)
  return outcome
}

/** A subscription that stands, and what it has told so far. */
export async function follow(runtime: Runtime) {
  const events: ContainerEvent[] = []
  const stop = new AbortController()
  const opened = Promise.withResolvers<void>()
  const ended = runtime.events(
    { onOpen: () => opened.resolve(), onEvent: (event) => events.push(event) },
    stop.signal,
  )
  await Promise.race([opened.promise, ended])
  const actions = (id: string) => events.filter((event) => event.id === id).map((event) => event.action)
  return { events, actions, ended, stop: () => stop.abort() }
}

/** A watch that stands, and how many changes it has told so far. */
export async function watch(runtime: Runtime, name: string) {
  let changes = 0
  const stop = new AbortController()
  const opened = Promise.withResolvers<void>()
  const ended = runtime.watch(
    name,
    { onOpen: () => opened.resolve(), onChange: () => changes++ },
    stop.signal,
  )
  await Promise.race([opened.promise, ended])
  return { changes: () => changes, ended, stop: () => stop.abort() }
}

/** Publishes one port of a container under this port of the host. */
export function published(hostPort: number): Pick<ContainerSpec, 'ports'> {
  return { ports: [{ containerPort: 6878, hostPort, protocol: 'tcp' }] }
}

/**
 * What the tests of the contract work at: a subject that is connected before them, and containers to make
 * there.
 */
export class Bench {
  #subject: Subject | null = null
  #count = 0

  constructor(private readonly connect: () => Promise<Subject>) {}

  async setUp(): Promise<void> {
    this.#subject = await this.connect()
  }

  /** Removes what a test left behind; nothing to do where no subject could be connected. */
  async cleanUp(): Promise<void> {
    await this.#subject?.cleanUp()
  }

  get subject(): Subject {
    if (!this.#subject) throw new Error('There is nothing to test: it could not be connected.')
    return this.#subject
  }

  get runtime(): Runtime {
    return this.subject.runtime
  }

  /** A container of ours that waits, with a name of its own. */
  spec(changes: Partial<ContainerSpec> = {}): ContainerSpec {
    this.#count += 1
    return {
      name: `roundhouse-test-${Object.values(this.subject.label)[0]}-${this.#count}`,
      image: this.subject.image,
      env: {},
      command: PROGRAMS.wait,
      labels: this.subject.label,
      ports: [],
      publishAddress: '127.0.0.1',
      network: null,
      memoryBytes: null,
      cpus: null,
      ...changes,
    }
  }

  /** Creates and starts; gives the id. */
  async started(spec: ContainerSpec): Promise<string> {
    const id = await this.runtime.create(spec)
    await this.runtime.start(id)
    return id
  }
}
