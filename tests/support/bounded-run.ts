import { readdirSync, readFileSync } from 'node:fs'
import { until } from './docker.ts'

/** How to run a process. */
export interface BoundedRun {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** When the process is ended, in milliseconds after its start; null if it may take as long as it wants. */
  readonly withinMs: number | null
  /** Ends the process before. */
  readonly signal?: AbortSignal
  /** Receives the output as it comes. */
  readonly onText?: (text: string) => void
  readonly patience?: Patience
}

/** How long processes may take to end, in milliseconds. */
interface Patience {
  /** What is told to end gets this long before it is killed. */
  readonly graceMs: number
  /** What was killed ends at once, unless it waits for a disk, and then nobody waits for it. */
  readonly killedMs: number
}

/** A Docker Engine of a test that is told to end ends its containers first. */
const PATIENCE: Patience = { graceMs: 10_000, killedMs: 5_000 }

/** What a process came to. */
export interface BoundedEnd {
  /** Standard output and errors as they came, and a note of what was ended. */
  readonly output: string
  /** null if the process was ended by a signal, or is still there. */
  readonly exitCode: number | null
  /** The note of a process that did not end in time; null if it did. */
  readonly overdue: string | null
}

/** What ends on its own after its parent is not left behind. */
const SETTLED_MS = 300

/**
 * Runs a process to its end, and ends it at its deadline: bun's own timeouts end no endless loop and no call that waits in the
 * kernel. What the process leaves behind is ended, too; it could keep the output open for ever. Resolves some seconds after the
 * deadline at the latest.
 *
 * The process gets a group of its own, and what it starts belongs to it, but for daemons. So what a terminal or a supervisor
 * sends to our group does not reach it: whoever ends us has to abort the signal first.
 */
export async function runBounded(command: readonly string[], options: BoundedRun): Promise<BoundedEnd> {
  const { cwd, env, withinMs, signal, onText, patience = PATIENCE } = options
  const child = Bun.spawn([...command], {
    ...{ cwd, env, detached: true },
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  })
  let output = ''
  let isOver = false
  const take = (text: string): void => {
    if (isOver) return
    output += text
    onText?.(text)
  }
  const read = Promise.all([collect(child.stdout, take), collect(child.stderr, take)])
  const overdue = await lateness(child.exited, withinMs, signal)
  const endTelling = async (why: string): Promise<void> => {
    take(`\n${[`${why}:`, ...membersOf(child.pid)].join('\n')}\n`)
    await endGroup(child.pid, patience)
  }
  if (overdue !== null) await endTelling(overdue)
  else if (await leavesAny(child.pid)) await endTelling('This was left behind, and was ended')
  // What has ended is not known here at once.
  await lateness(Promise.all([read, child.exited]), patience.killedMs)
  isOver = true
  return { output, exitCode: child.exitCode, overdue }
}

/** Waits for an end. Returns why it is not waited for any longer; null if it came. */
async function lateness(
  end: Promise<unknown>,
  withinMs: number | null,
  signal?: AbortSignal,
): Promise<string | null> {
  const late = Promise.withResolvers<string>()
  const why = `This did not end within ${(withinMs ?? 0) / 1_000} s, and was ended`
  const timer = withinMs === null ? undefined : setTimeout(() => late.resolve(why), withinMs)
  const abort = (): void => late.resolve('This was not waited for, and was ended')
  signal?.addEventListener('abort', abort)
  if (signal?.aborted === true) abort()
  const outcome = await Promise.race([end.then(() => null), late.promise])
  clearTimeout(timer)
  signal?.removeEventListener('abort', abort)
  return outcome
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }))
}

/** Whether a process left anything behind that does not end on its own. */
async function leavesAny(group: number): Promise<boolean> {
  if (membersOf(group).length === 0) return false
  await Bun.sleep(SETTLED_MS)
  return membersOf(group).length > 0
}

/** Asks a group to end, and kills what is left of it later. Resolves when nothing is left, or cannot be ended. */
async function endGroup(group: number, { graceMs, killedMs }: Patience): Promise<void> {
  const isGone = (): boolean => membersOf(group).length === 0
  send(group, 'SIGTERM')
  await until('a group of processes has ended', isGone, graceMs).catch(async () => {
    send(group, 'SIGKILL')
    await until('a killed group has ended', isGone, killedMs).catch(() => undefined)
  })
}

function send(group: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-group, signal)
  } catch (error) {
    // ESRCH: nothing is left of it.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** A line for each process of a group with its number, its state and where it waits in the kernel. Linux tells that in /proc. */
function membersOf(group: number): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      // The name of a process, in brackets, may have any characters.
      const [state, , itsGroup] = read(pid, 'stat').replace(/.*\) /s, '').split(' ')
      // A process that has ended has the state Z until its parent takes note.
      if (Number(itsGroup) !== group || state === 'Z') return []
      return [`${pid} ${state} ${read(pid, 'wchan')} ${read(pid, 'cmdline').replaceAll('\0', ' ')}`]
    } catch {
      // It is no process, or has ended meanwhile.
      return []
    }
  })
}

const read = (pid: string, file: string): string => readFileSync(`/proc/${pid}/${file}`, 'utf8')
