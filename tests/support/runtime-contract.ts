import { expect, test } from 'bun:test'
import type { Deadlines } from '../../src/runtime/docker.ts'
import {
  type ContainerEvent,
  type ContainerSpec,
  type Runtime,
  RuntimeFailure,
  type RuntimeFailureCode,
  type SingleHostRuntime,
} from '../../src/runtime/runtime.ts'
import { PROGRAMS } from './tiny-image.ts'

/** What every runtime's tests need from it and from the host around it. */
export interface Subject<R extends Runtime = Runtime> {
  readonly runtime: R
  /** Makes a runtime with other deadlines for the same container engine. */
  readonly withDeadlines: (deadlinesMs: Deadlines) => R
  /** An image with `PROGRAMS`. */
  readonly image: string
  /** The label by which the runtime recognises its own containers. */
  readonly label: Readonly<Record<string, string>>
  /** The label of foreign containers, by which the clean-up still finds them. */
  readonly foreignLabel: Readonly<Record<string, string>>
  /** What every specification has here, such as a host. */
  readonly placed?: Partial<ContainerSpec>
  /** Lets a process outside take the port, until the returned function is called. */
  readonly takePort: (port: number) => Promise<() => void>
  readonly cleanUp: () => Promise<void>
}

/** What the tests need of a container engine on one host, beside that. */
export interface SingleHostSubject extends Subject<SingleHostRuntime> {
  /** Sends this many bytes (fewer than 64 KiB) from outside to a running container with a network of its own. */
  readonly send: (id: string, bytes: number) => Promise<void>
  /** Whether a command runs in a container that does not end by itself. */
  readonly isBusy: (id: string) => Promise<boolean>
  /** Acts as if somebody ran `docker pause`. */
  readonly pause: (id: string) => Promise<void>
  /**
   * Puts a new image with `PROGRAMS` under each of these tags into a registry, and returns their name without a tag. `slow`
   * takes two seconds; `stalls` sends nothing more after half of it; `denied` means that the registry says no; `broken`, that
   * what it sends is no image; `away`, that there is no registry.
   */
  readonly offer: (
    how: 'whole' | 'slow' | 'stalls' | 'denied' | 'broken' | 'away',
    ...tags: string[]
  ) => string
  /** Puts another image into the registry under a name with a tag that was offered. */
  readonly replace: (image: string) => void
  /** Creates and starts a container with a health check that fails at first, with an output. */
  readonly startChecked: (spec: ContainerSpec) => Promise<Checked>
}

/**
 * What some container engines do not give, and callers can live without.
 * - `addresses`: the address of a container in the default network.
 * - `loopback`: the choice of the address that a port is published on.
 * - `image`: the knowledge, before the start, that the image is missing.
 * - `ends`: the exit code and the log of a container that a call stopped.
 */
type Lack = 'addresses' | 'loopback' | 'image' | 'ends'

/** What a container engine lacks, each with the reason. */
export type Lacks = Partial<Readonly<Record<Lack, string>>>

/** A container whose health check a test controls. The verdict follows soon. */
export interface Checked {
  readonly id: string
  readonly pass: () => Promise<void>
  readonly fail: () => Promise<void>
}

/** Returns the failure of a call that has to fail with this code. */
export async function failureOf(code: RuntimeFailureCode, call: Promise<unknown>): Promise<RuntimeFailure> {
  const outcome = await call.then(
    (value) => new Error(`The call succeeded with ${String(value)}.`),
    (error: unknown) => error,
  )
  if (!(outcome instanceof RuntimeFailure)) throw outcome
  expect(outcome.code).toBe(code)
  return outcome
}

/** Opens a subscription and collects its events. */
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

/** Opens a watch and counts its changes. */
export async function watch(runtime: SingleHostRuntime, name: string) {
  let changes = 0
  const stop = new AbortController()
  const opened = Promise.withResolvers<void>()
  const ended = runtime.neighbours.watch(
    name,
    { onOpen: () => opened.resolve(), onChange: () => changes++ },
    stop.signal,
  )
  await Promise.race([opened.promise, ended])
  return { changes: () => changes, ended, stop: () => stop.abort() }
}

/** Publishes one port of a container under this host port. */
export function published(hostPort: number): Pick<ContainerSpec, 'ports'> {
  return { ports: [{ containerPort: 6878, hostPort, protocol: 'tcp' }] }
}

/**
 * What the tests of the contract work with: a subject that is connected before them, and functions that make containers
 * there.
 */
export class Bench<S extends Subject = Subject> {
  #subject: S | null = null
  #count = 0

  constructor(
    private readonly connect: () => Promise<S>,
    private readonly lacks: Lacks = {},
  ) {}

  async setUp(): Promise<void> {
    this.#subject = await this.connect()
  }

  /** Removes what a test left behind. Does nothing if no subject could be connected. */
  async cleanUp(): Promise<void> {
    await this.#subject?.cleanUp()
  }

  get subject(): S {
    if (!this.#subject) throw new Error('There is nothing to test: it could not be connected.')
    return this.#subject
  }

  get runtime(): S['runtime'] {
    return this.subject.runtime
  }

  /** Declares a test of what some container engines lack: it is left out where this one does, and its name says why. */
  testOf(lack: Lack, name: string, run: () => Promise<void>): void {
    const reason = this.lacks[lack]
    if (reason === undefined) test(name, run)
    else test.skip(`${name} (${reason})`, run)
  }

  /** What is expected in addition, where it is not lacking. */
  unlessLacking<T extends object>(lack: Lack, expected: T): T | Record<never, never> {
    return this.lacks[lack] === undefined ? expected : {}
  }

  /** A specification of one of our containers, which waits and has a name of its own. */
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
      ...this.subject.placed,
      ...changes,
    }
  }

  /** Creates and starts a container, and returns its id. */
  async started(spec: ContainerSpec): Promise<string> {
    const id = await this.runtime.create(spec)
    await this.runtime.start(id)
    return id
  }
}
