import type { FleetRow } from './lifecycle.ts'
import type { TestServer } from './server.ts'

const LOOK_EVERY_MS = 100
/** acexy waits longer, but an engine on this machine that does not answer by then does not answer. */
const PATIENCE_MS = 1_000

/** What the looks came to. */
export interface ListFindings {
  readonly looks: number
  /** The longest time for which an engine was listed and did not answer at its address. */
  readonly longestSilenceMs: number
}

/** Asks every listed engine at the address in the list, again and again, from its construction until `end` is called. */
export class ListWatch {
  readonly #silentSince = new Map<string, number>()
  #longestMs = 0
  #looks = 0
  #isOver = false
  readonly #end: Promise<void>

  constructor(private readonly server: TestServer) {
    this.#end = this.#watch()
  }

  async end(): Promise<ListFindings> {
    this.#isOver = true
    await this.#end
    return { looks: this.#looks, longestSilenceMs: Math.round(this.#longestMs) }
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const rows = await this.server.get<(FleetRow & { readonly host: string })[]>('/engines')
      await Promise.all(rows.map((row) => this.#ask(row)))
      const listed = new Set(rows.map(({ container_id }) => container_id))
      for (const id of this.#silentSince.keys()) if (!listed.has(id)) this.#silentSince.delete(id)
      this.#looks++
      await Bun.sleep(LOOK_EVERY_MS)
    }
  }

  async #ask({ container_id: id, host, port }: FleetRow & { readonly host: string }): Promise<void> {
    const beganMs = performance.now()
    if (await answers(host, port)) {
      this.#silentSince.delete(id)
      return
    }
    const sinceMs = this.#silentSince.get(id) ?? beganMs
    this.#silentSince.set(id, sinceMs)
    this.#longestMs = Math.max(this.#longestMs, performance.now() - sinceMs)
  }
}

async function answers(host: string, port: number): Promise<boolean> {
  try {
    const url = `http://${host}:${port}/server/api?api_version=3&method=get_status`
    return (await fetch(url, { keepalive: false, signal: AbortSignal.timeout(PATIENCE_MS) })).ok
  } catch {
    return false
  }
}
