import { type FrameFromWorker, parseFrameFromWorker } from './protocol.ts'

/** What every user of a worker may say about it. */
export interface WorkerOptions {
  /** Epoch milliseconds, by which the worker dates its facts. */
  readonly now: () => number
  /** Makes the worker's thread. The composition root does it, since a compiled binary finds it by the main module. */
  readonly spawn: () => Worker
  /** Told once per outage, at its beginning: a sentence with what happened, and the wait before the next worker. */
  readonly onTrouble: (why: string, restartInMs: number) => void
  /** Told at the end of an outage: a sentence, and how long there was no worker. */
  readonly onBack: (what: string, awayMs: number) => void
  /** Told of what one side said and the other could not read: a sentence. At most once a minute for each side. */
  readonly onDropped: (what: string) => void
}

interface WorkerHostOptions<Command, Fact> extends WorkerOptions {
  /** How the worker is called in sentences. */
  readonly name: string
  /** Null for what is no message of its protocol. */
  readonly parse: (message: unknown) => Fact | null
  /** What a worker that knows nothing yet is told first. */
  readonly handshake: () => readonly Command[]
  readonly onFact: (fact: Fact) => void
  /** What it told so far is out of date. */
  readonly onLost: () => void
  /** How long a worker may say nothing that is a message; 5 s unless given. */
  readonly silenceMaxMs?: number
}

const SILENCE_MAX_MS = 5_000
const RESTART_MIN_MS = 250
const RESTART_MAX_MS = 10_000
const STOP_PATIENCE_MS = 500
const DROPPED_EVERY_MS = 60_000

/** Time without a worker: since when, and until when if one is there that has yet to last. */
interface Outage {
  readonly sinceMs: number
  untilMs: number | null
}

/**
 * The main thread's end of a worker: starts it, starts another when it dies or falls silent (with a growing wait), and
 * stops it by message, by force only as the last resort. An outage ends when a worker has lived for a heartbeat, so one
 * that dies over and over again is one outage.
 */
export class WorkerHost<Command extends object, Fact> {
  #worker: Worker | null = null
  /** It has been told what it has to know; what it is told before would be done by other rules. */
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

  /** Says it to the worker if there is one; the next one is told by its handshake. */
  say(command: Command): void {
    if (this.#isReady) this.#worker?.postMessage(command)
  }

  /** How many workers were started in the place of one that was lost. */
  restarts(): number {
    return Math.max(0, this.#spawned - 1)
  }

  /** For crash tests: makes the worker die of an error of its own. */
  crash(): void {
    this.#worker?.postMessage({ type: 'crash' })
  }

  /** Ends the worker for good, within half a second; nothing is told afterwards. */
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
    // Whatever ends a worker (a throw, a rejection, an exit) closes it, and only `close` tells of all of them.
    worker.addEventListener('close', () => this.#lost(worker, `the ${this.options.name} ended${lastWords}`))
    this.#watchSilence(worker)
  }

  /** Null where no thread can be had now; another one is tried for as if it had died at once. */
  #thread(): Worker | null {
    try {
      return this.options.spawn()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#startAgain(`the ${this.options.name} could not be started: ${why}`)
      return null
    }
  }

  /** What is no message is no sign of life either. */
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

  /** A flood of it would fill the log. */
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
    // One that was never ready has told nothing.
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

/** The error in what Bun says of one that nobody caught: an excerpt of the source, the error and its stack. */
function errorIn(message: string): string {
  const error = /^(?:error|\w*Error): (.+)$/m.exec(message)?.[1]
  return error === undefined ? '' : `: ${error}`
}
