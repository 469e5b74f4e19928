import type { MainTime } from './main-time.ts'
import { type FrameFromWorker, parseFrameToWorker } from './protocol.ts'

declare const self: Worker

const HEARTBEAT_MS = 1_000

/** What a worker does, as far as it is not what every worker does. */
interface WorkerDuties<Command> {
  /** How it is called in its log. */
  readonly name: string
  /** Is set to the main thread's time. */
  readonly time: MainTime
  /** Null for what is no message of its protocol. */
  readonly parse: (message: unknown) => Command | null
  /** `drop` says what of it is left out, since it cannot be read. */
  readonly onCommand: (command: Command, drop: (what: string) => void) => void
  /** Ends all that it does; nothing is to be posted afterwards. */
  readonly stop: () => void | Promise<void>
}

/** Posts a message to the main thread. */
export function post(message: { readonly type: string }): void {
  self.postMessage(message)
}

/**
 * The worker's end of the talk with the main thread (`WorkerHost` is the other one), to be called once all is prepared: says
 * that it is ready and, each second, that it lives; takes commands; stops, or crashes, when it is told to.
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

/** Says here and to the main thread what was dropped; the same in a row is said once. */
function tellingDrops(name: string, say: (message: FrameFromWorker) => void): (what: string) => void {
  let last = ''
  return (what) => {
    if (what === last) return
    last = what
    console.error(`${name}: dropped ${what}`)
    say({ type: 'dropped', what })
  }
}

/** Out of reach of whoever might catch it, as a defect would be. */
function crashSoon(): void {
  setTimeout(() => {
    throw new Error('crashed as it was told to')
  }, 0)
}
