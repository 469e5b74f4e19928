import type { Socket } from 'node:net'
import type { EngineContext } from './engine-context.ts'
import { versionCode } from './status-routes.ts'

/**
 * Serves the engine's old TCP API on one connection, with lines that end in CRLF. `HELLOBG` is answered with `HELLOTS`, and
 * `READY` with `NOTREADY` (no key, or still starting) or `AUTH 0`. Other commands are not answered here. There is no banner.
 */
export function serveLegacyApi(socket: Socket, context: EngineContext): void {
  const controller = new AbortController()
  socket.on('close', () => controller.abort())
  let pending = ''
  let answering = Promise.resolve()
  socket.on('data', (chunk) => {
    const lines = (pending + chunk.toString('latin1')).split('\r\n')
    pending = (lines.pop() ?? '').slice(0, LINE_CHARACTERS_MAX)
    // Lines are answered one after the other, because a later answer must not overtake one that hangs.
    for (const line of lines)
      answering = answering.then(() => answerLine(line, socket, controller.signal, context))
  })
}

const LINE_CHARACTERS_MAX = 4096

async function answerLine(
  line: string,
  socket: Socket,
  signal: AbortSignal,
  context: EngineContext,
): Promise<void> {
  await context.board.passed('all', signal)
  const text = legacyAnswer(line, context)
  if (text !== null && socket.writable) socket.write(`${text}\r\n`)
}

function legacyAnswer(line: string, context: EngineContext): string | null {
  const { settings, accessToken } = context
  const [command] = line.split(' ')
  if (command === 'HELLOBG') {
    const version = `version=${settings.version} version_code=${versionCode(settings.version)}`
    return `HELLOTS ${version} key=${accessToken.slice(0, 10)} http_port=${settings.httpPort} bmode=0`
  }
  if (command !== 'READY') return null
  return context.isReady() && / key=\S+/.test(line) ? 'AUTH 0' : 'NOTREADY'
}
