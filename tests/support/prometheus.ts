import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './docker.ts'
import { freePort } from './ports.ts'

/** Where `scripts/test.sh` unpacks Debian's package. */
const UNPACKED = join(import.meta.dir, '../../.run/prometheus/usr/bin')

/** One series of an instant query. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

/** An alert that fires or that its `for` still holds back. */
export interface RaisedAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: { readonly summary: string }
}

/**
 * Finds a program of Prometheus: the one that `scripts/test.sh` has unpacked, or that of the system. Throws with the remedy
 * if there is none, because untested alerts would look like working ones.
 */
function prometheusProgram(name: 'prometheus' | 'promtool'): string {
  const unpacked = join(UNPACKED, name)
  const path = existsSync(unpacked) ? unpacked : Bun.which(name)
  if (path === null)
    throw new Error(
      `These tests need ${name}, which is neither on the PATH nor in ${UNPACKED}: on Debian, sh scripts/test.sh ` +
        'unpacks it there; elsewhere, install Prometheus.',
    )
  return path
}

/** Runs promtool to its end. Returns its exit code and everything that it wrote. `input` is its standard input. */
export async function promtool(args: readonly string[], input = '') {
  const stdin = new Blob([input])
  const child = Bun.spawn([prometheusProgram('promtool'), ...args], { stdin, stdout: 'pipe', stderr: 'pipe' })
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, output: output + errors }
}

/** A real Prometheus on the loopback address, with its data in a folder of its own. */
export class TestPrometheus {
  private constructor(
    private readonly url: string,
    private readonly folder: string,
    private readonly process: Bun.Subprocess<'ignore', 'ignore', 'pipe'>,
  ) {}

  /**
   * Starts Prometheus with a configuration (JSON is YAML too) and resolves when it answers. Throws with its message if it
   * ends.
   */
  static async start(config: object): Promise<TestPrometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'roundhouse-prometheus-'))
    const file = join(folder, 'prometheus.yml')
    await Bun.write(file, JSON.stringify(config))
    const address = `127.0.0.1:${freePort()}`
    const flags = [
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ]
    const command = [prometheusProgram('prometheus'), `--config.file=${file}`, ...flags]
    const child = Bun.spawn(command, { cwd: folder, stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
    const started = new TestPrometheus(`http://${address}`, folder, child)
    await until('Prometheus is ready', async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended: ${await child.stderr.text()}`)
      return (await fetch(`${started.url}/-/ready`).catch(() => null))?.status === 200
    })
    return started
  }

  /** Runs an instant query. Throws with Prometheus' message if it does not understand the expression. */
  async query(expr: string): Promise<Series[]> {
    const { result } = await this.#get<{ result: { metric: Series['metric']; value: [number, string] }[] }>(
      `/api/v1/query?${new URLSearchParams({ query: expr })}`,
    )
    return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }))
  }

  /** The rules that Prometheus evaluates, with their health. */
  async rules(): Promise<readonly { readonly name: string; readonly health: string }[]> {
    const { groups } = await this.#get<{ groups: { rules: { name: string; health: string }[] }[] }>(
      '/api/v1/rules',
    )
    return groups.flatMap(({ rules }) => rules)
  }

  /** The alerts of Prometheus, including pending ones, with the texts that people receive. */
  async alerts(): Promise<readonly RaisedAlert[]> {
    return (await this.#get<{ alerts: RaisedAlert[] }>('/api/v1/alerts')).alerts
  }

  async stop(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.process.exited
    rmSync(this.folder, { recursive: true })
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}${path}`)
    const body = (await response.json()) as { status: string; data: T; error?: string }
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`)
    return body.data
  }
}
