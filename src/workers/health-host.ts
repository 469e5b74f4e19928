import type { FromWorker, ProbeFact, ProbeTarget, SessionFact, ToWorker } from './protocol.ts'
import { parseFromWorker } from './protocol.ts'

export interface HealthHostOptions {
  /** Makes the worker's thread. The composition root does it, since a compiled binary finds it by the main module. */
  readonly spawn: () => Worker
  readonly pace: Omit<Extract<ToWorker, { type: 'configure' }>, 'type'>
  /** Told with a sentence when the worker died or fell silent, and the wait before the next one. */
  readonly onTrouble: (why: string, restartInMs: number) => void
}

interface Handlers {
  readonly onFact: (fact: ProbeFact) => void
  readonly onSession: (fact: SessionFact) => void
  readonly onLost: () => void
}

const SILENCE_MAX_MS = 5_000
const RESTART_MIN_MS = 250
const RESTART_MAX_MS = 10_000
const STOP_PATIENCE_MS = 500

/**
 * The main thread's end of the health worker: starts it, starts another when it dies or falls silent (with a growing
 * wait), and stops it by message, by force only as the last resort.
 */
export class HealthHost {
  #worker: Worker | null = null
  /** It knows its pace; what it is told before would be done at another. */
  #isReady = false
  #handlers: Handlers | null = null
  #targets: readonly ProbeTarget[] = []
  #silence: ReturnType<typeof setTimeout> | null = null
  #restart: ReturnType<typeof setTimeout> | null = null
  #restarts = 0
  #stopped = Promise.withResolvers<void>()
  #isStopping = false

  constructor(private readonly options: HealthHostOptions) {}

  start(handlers: Handlers): void {
    this.#handlers = handlers
    this.#spawn()
  }

  setTargets(targets: readonly ProbeTarget[]): void {
    this.#targets = targets
    if (this.#isReady) this.#say({ type: 'targets', targets: [...targets] })
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#clearTimers()
    const worker = this.#worker
    if (worker === null) return
    this.#say({ type: 'stop' })
    const patience = setTimeout(() => this.#stopped.resolve(), STOP_PATIENCE_MS)
    await this.#stopped.promise
    clearTimeout(patience)
    worker.terminate()
    this.#worker = null
  }

  #spawn(): void {
    const worker = this.options.spawn()
    this.#worker = worker
    this.#isReady = false
    worker.onmessage = ({ data }: MessageEvent<unknown>) => this.#heard(worker, parseFromWorker(data))
    worker.onerror = (event) => event.preventDefault()
    // Whatever ends a worker (a throw, a rejection, an exit) closes it, and only `close` tells of all of them.
    worker.addEventListener('close', () => this.#lost(worker, 'the health worker ended'))
    this.#watchSilence(worker)
  }

  #heard(worker: Worker, message: FromWorker | null): void {
    if (worker !== this.#worker) return
    this.#watchSilence(worker)
    switch (message?.type) {
      case 'ready':
        this.#isReady = true
        this.#say({ type: 'configure', ...this.options.pace })
        this.#say({ type: 'targets', targets: [...this.#targets] })
        break
      case 'heartbeat':
        this.#restarts = 0
        break
      case 'probe':
        this.#handlers?.onFact(message)
        break
      case 'session':
        this.#handlers?.onSession(message)
        break
      case 'stopped':
        this.#stopped.resolve()
        break
      default:
        break
    }
  }

  #watchSilence(worker: Worker): void {
    if (this.#silence !== null) clearTimeout(this.#silence)
    if (this.#isStopping) return
    this.#silence = setTimeout(() => {
      this.#lost(worker, `the health worker was silent for ${SILENCE_MAX_MS / 1000} s`)
      worker.terminate()
    }, SILENCE_MAX_MS)
  }

  #lost(worker: Worker, why: string): void {
    if (worker !== this.#worker) return
    this.#worker = null
    if (this.#isStopping) {
      this.#stopped.resolve()
      return
    }
    this.#clearTimers()
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** this.#restarts++)
    this.options.onTrouble(why, waitMs)
    this.#handlers?.onLost()
    this.#restart = setTimeout(() => this.#spawn(), waitMs)
  }

  #say(message: ToWorker): void {
    this.#worker?.postMessage(message)
  }

  #clearTimers(): void {
    if (this.#silence !== null) clearTimeout(this.#silence)
    if (this.#restart !== null) clearTimeout(this.#restart)
  }
}
