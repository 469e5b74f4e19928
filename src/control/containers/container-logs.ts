import type { Mask } from '../../core/secrets.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { type PlaceLimits, Places } from '../../lib/places.ts'
import { type LogPart, type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import { type LogPace, LogReader } from './log-reader.ts'
import type { OwnContainers } from './own-containers.ts'

/** The bounds of what is given of logs. */
export const LOG_LIMITS = {
  /** How many logs are read at a time, in all and from one address. */
  all: 10,
  ofOneAddress: 4,
  /** How much of a log is given at once. */
  burstBytes: 512 * 1024,
  /** How fast it goes on where it is followed, and for how long. */
  bytesPerSecond: 64 * 1024,
  followMs: 4 * 60_000,
  /** How many characters of a line are given. */
  lineLength: 4_096,
} as const

/** A request for a log. */
export interface LogRequest extends LogPart {
  readonly idOrName: string
  /** The address whose readers are counted; null if they are not. */
  readonly address: string | null
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal
}

/**
 * Gives the logs of our own containers, engines and others, for people. It asks Docker, so no request of a proxy may use it.
 * Each line has its time in front of it, is masked, and has a bounded length.
 */
export class ContainerLogs {
  readonly #places: Places
  readonly #readers = new Set<LogReader>()
  #isStopped = false

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly runtime: Runtime
      readonly containers: Pick<OwnContainers, 'idOf'>
      readonly mask: Mask
      readonly limits: PlaceLimits & LogPace & { readonly followMs: number; readonly lineLength: number }
      readonly onError: OnError
    },
  ) {
    this.#places = new Places(deps.limits)
  }

  /**
   * The last lines of a log; null if too many logs are read already. Throws NotFound and InvalidRequest like
   * `OwnContainers.show`.
   */
  async read({ idOrName, address, signal, ...part }: LogRequest): Promise<string | null> {
    const { runtime, containers, limits } = this.deps
    const leave = this.#places.take(address)
    if (leave === null) return null
    try {
      const bounds = { ...part, bytes: limits.burstBytes, isTimed: true }
      const log = await runtime.logs(await containers.idOf(idOrName), bounds, signal)
      const lines = log.split('\n')
      if (lines.at(-1) === '') lines.pop()
      return this.#shown(lines)
    } finally {
      leave()
    }
  }

  /**
   * The same lines, and those that follow, for a reader who gets them as fast as it reads and its pace allows; for
   * `followMs` at most. Null, and throws, like `read`.
   */
  async follow({ idOrName, address, signal, ...part }: LogRequest): Promise<LogReader | null> {
    const { clock, containers, limits } = this.deps
    const leave = this.#places.take(address)
    if (leave === null) return null
    const reader = new LogReader(clock, limits)
    const end = () => reader.end()
    this.#readers.add(reader)
    signal.addEventListener('abort', end, { once: true })
    const cancelEnd = clock.after(limits.followMs, end)
    reader.signal.addEventListener('abort', () => {
      cancelEnd()
      signal.removeEventListener('abort', end)
      this.#readers.delete(reader)
      leave()
    })
    if (signal.aborted || this.#isStopped) reader.end()
    try {
      await this.#open(await containers.idOf(idOrName), part, reader)
      return reader
    } catch (error) {
      reader.end()
      throw error
    }
  }

  /** Ends the answers of all who follow a log. Later ones end at once. */
  stop(): void {
    this.#isStopped = true
    for (const reader of [...this.#readers]) reader.end()
  }

  /** Resolves when the log is being read; the reader ends with it. Rejects if it can not be opened. */
  async #open(id: string, part: LogPart, reader: LogReader): Promise<void> {
    const opened = Promise.withResolvers<void>()
    let isOpen = false
    const handlers = {
      onOpen: () => {
        isOpen = true
        opened.resolve()
      },
      onLines: (lines: readonly string[]) => reader.give(this.#shown(lines)),
    }
    this.deps.runtime
      .followLog(id, part, handlers, reader.signal)
      .then(opened.resolve, (error: unknown) => {
        opened.reject(error)
        // That the log broke off is no news: whoever reads it sees its end, and may ask again.
        if (isOpen && !(error instanceof RuntimeFailure)) this.deps.onError(error)
      })
      .finally(() => reader.end())
    await opened.promise
  }

  #shown(lines: readonly string[]): string {
    const { mask, limits } = this.deps
    return lines.map((line) => `${shortened(mask(line), limits.lineLength)}\n`).join('')
  }
}

const shortened = (line: string, length: number): string =>
  line.length <= length ? line : `${line.slice(0, length).toWellFormed()}…`
