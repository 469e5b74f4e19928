/**
 * Finds out which functions a start of the server uses. The bundler puts their bytecode together, so that a start reads less
 * of the binary, and less of it stays in memory.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What is asked of the server: what proxies, panels and monitors ask most. */
const PATHS = ['/healthz', '/engines', '/orchestrator/status', '/streams?status=started', '/metrics']
const WITHIN_MS = 10_000
const PAUSE_MS = 50

/**
 * Starts the binary, without a Docker, and writes the order of its functions to `file`. Returns false if it can't run here, as
 * where nobody may listen. Leaves nothing else behind.
 */
export async function recordOrder(binary: string, file: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-order-'))
  const port = freePort()
  const child = Bun.spawn([binary], {
    cwd: folder,
    env: {
      APP_PORT: String(port),
      BIND: '127.0.0.1',
      DB_URL: `sqlite:///${folder}/orchestrator.db`,
      DOCKER_HOST: `unix://${folder}/docker.sock`,
      BUN_BYTECODE_ORDER_OUT: file,
    },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  try {
    const isUp = await answers(`http://127.0.0.1:${port}`, child)
    child.kill('SIGTERM')
    await child.exited
    return isUp && (await Bun.file(file).exists())
  } finally {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Asks for everything as soon as there is an answer; false if there is none. */
async function answers(origin: string, child: Bun.Subprocess): Promise<boolean> {
  const untilMs = performance.now() + WITHIN_MS
  while (child.exitCode === null && performance.now() < untilMs) {
    try {
      for (const path of PATHS) await (await fetch(`${origin}${path}`)).bytes()
      return true
    } catch {
      await Bun.sleep(PAUSE_MS)
    }
  }
  return false
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } })
  const { port } = listener
  listener.stop()
  return port
}
