import { type FrameFromWorker, parseFrameFromWorker } from './protocol.ts'

/** The options that every user of a worker sets. */
export interface WorkerOptions {
  /** Epoch milliseconds; the worker dates its facts by this clock. */
  readonly now: () => number
  /**
   * Starts the worker's thread. `main.ts` does this, because a compiled binary finds the worker's file relative to the main
   * module.
   */
  readonly spawn: () => Worker
  /**
   * Called once per outage, at its beginning, with a sentence that says what happened, and the wait before the next worker.
   */
  readonly onTrouble: (why: string, restartInMs: number) => void
  /** Called at the end of an outage, with a sentence, and how long there was no worker. */
  readonly onBack: (what: string, awayMs: number) => void
  /**
   * Called with a sentence about a message that one side sent and the other could not read. At most once a minute for each
   * side.
   */
  readonly onDropped: (what: string) => void
}

interface WorkerHostOptions<Command, Fact> extends WorkerOptions {
  /** The name of the worker in sentences. */
  readonly name: string
  /** Returns null if the message does not belong to the worker's protocol. */
  readonly parse: (message: unknown) => Fact | null
  /** The first commands to a new worker, which knows nothing yet. */
  readonly handshake: () => readonly Command[]
  readonly onFact: (fact: Fact) => void
  /** Called when everything that the worker reported is out of date. */
  readonly onLost: () => void
  /** How long a worker may send no valid message; 5 s by default. */
  readonly silenceMaxMs?: number
}

const SILENCE_MAX_MS = 5_000
const RESTART_MIN_MS = 250
const RESTART_MAX_MS = 10_000
const STOP_PATIENCE_MS = 500
const DROPPED_EVERY_MS = 60_000

/** A time without a worker: since when, and until when if a new worker has started but has not lasted yet. */
interface Outage {
  readonly sinceMs: number
  untilMs: number | null
}

/**
 * The main thread's side of a worker. It starts the worker, starts another one when it dies or falls silent (with a growing
 * wait), and stops it by a message, by force only as the last resort. An outage ends with the first heartbeat of a new
 * worker, so a worker that dies repeatedly is one outage.
 */
export class WorkerHost<Command extends object, Fact> {
  #worker: Worker | null = null
  /**
   * The worker has reported that it is ready. Before that no command is sent, because the worker has to get the handshake
   * first.
   */
  #isReady = false
  #outage: Outage | null = null
  #silence: ReturnType<typeof setTimeout> | null = null
  #restart: ReturnType<typeof setTimeout> | null = null
  #restarts = 0
  readonly #silentUntilMs = { here: 0, there: 0 }
  #spawned = 0
  readonly #stopped = Promise.withResolvers<void>()
  #isStopping = false

  constructor(private readonly options: WorkerHostOptions<Command, Fact>) {}

  start(): void {
    this.#spawn()
  }

  /** Sends the command to the worker, if there is one; a later worker receives it with its handshake. */
  say(command: Command): void {
    if (this.#isReady) this.#worker?.postMessage(command)
  }

  /** How many workers were started to replace a lost one. */
  restarts(): number {
    return Math.max(0, this.#spawned - 1)
  }

  /** For crash tests: makes the worker die of an error of its own. */
  crash(): void {
    this.#worker?.postMessage({ type: 'crash' })
  }

  /** Ends the worker for good, within half a second; nothing is reported afterwards. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#clearTimers()
    const worker = this.#worker
    if (worker === null) return
    worker.postMessage({ type: 'stop' })
    const patience = setTimeout(() => this.#stopped.resolve(), STOP_PATIENCE_MS)
    await this.#stopped.promise
    clearTimeout(patience)
    worker.terminate()
    this.#worker = null
  }

  #spawn(): void {
    const worker = this.#thread()
    if (worker === null) return
    this.#spawned++
    let lastWords = ''
    this.#worker = worker
    this.#isReady = false
    worker.onmessage = ({ data }: MessageEvent<unknown>) => this.#heard(worker, data)
    worker.onerror = (event) => {
      event.preventDefault()
      lastWords = errorIn(event.message)
    }
    // Whatever ends a worker (a throw, a rejection, an exit) closes it, and only the event `close` reports all of them.
    worker.addEventListener('close', () => this.#lost(worker, `the ${this.options.name} ended${lastWords}`))
    this.#watchSilence(worker)
  }

  /** Null if no thread can be started now; then another start is tried, as after a worker that died at once. */
  #thread(): Worker | null {
    try {
      return this.options.spawn()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#startAgain(`the ${this.options.name} could not be started: ${why}`)
      return null
    }
  }

  /** Handles a message. One that does not belong to the protocol is no sign of life either. */
  #heard(worker: Worker, data: unknown): void {
    if (worker !== this.#worker) return
    const frame = parseFrameFromWorker(data)
    const fact = frame === null ? this.options.parse(data) : null
    if (frame === null && fact === null) {
      this.#dropped('here', `the ${this.options.name} said what is no message of the protocol`)
      return
    }
    this.#watchSilence(worker)
    if (frame !== null) this.#heardFrame(frame)
    else if (fact !== null && !this.#isStopping) this.options.onFact(fact)
  }

  #heardFrame(frame: FrameFromWorker): void {
    const { type } = frame
    if (type === 'stopped') this.#stopped.resolve()
    if (this.#isStopping) return
    if (frame.type === 'dropped') this.#dropped('there', `the ${this.options.name} dropped ${frame.what}`)
    if (type === 'ready') {
      this.#isReady = true
      if (this.#outage !== null) this.#outage.untilMs = performance.now()
      this.#worker?.postMessage({ type: 'clock', nowMs: this.options.now() })
      for (const command of this.options.handshake()) this.say(command)
    }
    if (type === 'heartbeat') this.#lasted()
  }

  /** Reports at most one dropped message a minute for each side, because more would fill the log. */
  #dropped(side: 'here' | 'there', what: string): void {
    const nowMs = performance.now()
    if (nowMs < this.#silentUntilMs[side]) return
    this.#silentUntilMs[side] = nowMs + DROPPED_EVERY_MS
    this.options.onDropped(what)
  }

  #lasted(): void {
    this.#restarts = 0
    const outage = this.#outage
    if (outage?.untilMs == null) return
    this.#outage = null
    this.options.onBack(`the ${this.options.name} is back`, Math.round(outage.untilMs - outage.sinceMs))
  }

  #watchSilence(worker: Worker): void {
    if (this.#silence !== null) clearTimeout(this.#silence)
    if (this.#isStopping) return
    const ms = this.options.silenceMaxMs ?? SILENCE_MAX_MS
    this.#silence = setTimeout(() => {
      this.#lost(worker, `the ${this.options.name} was silent for ${ms / 1000} s`)
      worker.terminate()
    }, ms)
  }

  #lost(worker: Worker, why: string): void {
    if (worker !== this.#worker) return
    this.#worker = null
    if (this.#isStopping) {
      this.#stopped.resolve()
      return
    }
    this.#startAgain(why)
    // A worker that was never ready has reported nothing.
    if (this.#isReady) this.options.onLost()
    this.#isReady = false
  }

  #startAgain(why: string): void {
    this.#clearTimers()
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** this.#restarts++)
    this.#restart = setTimeout(() => this.#spawn(), waitMs)
    if (this.#outage === null) this.options.onTrouble(why, waitMs)
    this.#outage ??= { sinceMs: performance.now(), untilMs: null }
    this.#outage.untilMs = null
  }

  #clearTimers(): void {
    if (this.#silence !== null) clearTimeout(this.#silence)
    if (this.#restart !== null) clearTimeout(this.#restart)
  }
}

/**
 * Finds the error in Bun's message about an uncaught error, which contains an excerpt of the source, the error and its
 * stack.
 */
function errorIn(message: string): string {
  const error = /^(?:error|\w*Error): (.+)$/m.exec(message)?.[1]
  return error === undefined ? '' : `: ${error}`
}
