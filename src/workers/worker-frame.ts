import type { MainTime } from './main-time.ts'
import { type FrameFromWorker, parseFrameToWorker } from './protocol.ts'

declare const self: Worker

const HEARTBEAT_MS = 1_000

/** The part of a worker that differs from worker to worker. */
interface WorkerDuties<Command> {
  /** The name of the worker in its log. */
  readonly name: string
  /** The clock that is set to the main thread's time. */
  readonly time: MainTime
  /** Returns null if the message does not belong to the worker's protocol. */
  readonly parse: (message: unknown) => Command | null
  /** Carries out a command; `drop` reports which part of it could not be read and is ignored. */
  readonly onCommand: (command: Command, drop: (what: string) => void) => void
  /** Ends all work of the worker; it must not post anything afterwards. */
  readonly stop: () => void | Promise<void>
}

/** Posts a message to the main thread. */
export function post(message: { readonly type: string }): void {
  self.postMessage(message)
}

/**
 * The worker's side of the connection to the main thread (`WorkerHost` is the other side). Call it when everything is
 * prepared. It reports that the worker is ready, sends a heartbeat each second, takes commands, and stops or crashes on
 * request.
 */
export function serve<Command>({ name, time, parse, onCommand, stop }: WorkerDuties<Command>): void {
  const say = (message: FrameFromWorker): void => post(message)
  const heartbeat = setInterval(() => say({ type: 'heartbeat', atMs: time.now() }), HEARTBEAT_MS)

  const end = async (): Promise<void> => {
    clearInterval(heartbeat)
    await stop()
    say({ type: 'stopped' })
  }

  const drop = tellingDrops(name, say)
  const take = (data: unknown): void => {
    const command = parse(data)
    if (command === null) drop('a message that is none of the protocol')
    else onCommand(command, drop)
  }

  self.onmessage = ({ data }: MessageEvent<unknown>) => {
    const frame = parseFrameToWorker(data)
    if (frame?.type === 'stop') void end()
    else if (frame?.type === 'crash') crashSoon()
    else if (frame?.type === 'clock') time.set(frame.nowMs)
    else take(data)
  }

  say({ type: 'ready' })
}

/**
 * Returns a function that reports, in the log and to the main thread, what was dropped; repetitions in a row are reported
 * once.
 */
function tellingDrops(name: string, say: (message: FrameFromWorker) => void): (what: string) => void {
  let last = ''
  return (what) => {
    if (what === last) return
    last = what
    console.error(`${name}: dropped ${what}`)
    say({ type: 'dropped', what })
  }
}

/** Throws outside of every handler that could catch the error, like a defect would. */
function crashSoon(): void {
  setTimeout(() => {
    throw new Error('crashed as it was told to')
  }, 0)
}
