import { join } from 'node:path'
import type { DialectName } from '../dialect.ts'

/** One exchange with the real Gluetun. `credentials` are all header sets that gave this answer. */
export interface Exchange {
  readonly auth: string
  readonly state: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly port?: number
    readonly body?: string
  }
  readonly credentials?: readonly (Readonly<Record<string, string>> | null)[]
  readonly response: {
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly error?: string
  }
}

/** Exchanges of one set-up in one state of the VPN, in the order of the recording. */
export interface ExchangeGroup {
  readonly dialect: DialectName
  readonly auth: string
  readonly state: string
  readonly exchanges: readonly Exchange[]
}

/** An observed change, or an action. `t_ms` counts from the first action. */
export interface TimelineEvent {
  readonly t_ms: number
  readonly what?: string
  readonly read?: 'vpn' | 'publicip' | 'portforward' | 'health'
  readonly body?: string
}

export interface Timeline {
  readonly version: DialectName
  readonly scenario: string
  readonly events: readonly TimelineEvent[]
}

/** How a version started with a setting of roles. */
export interface RoleStart {
  readonly version: DialectName
  readonly scenario: string
  readonly starts: boolean
  readonly exit: number | null
  readonly errors: readonly string[]
}

const FOLDER = join(import.meta.dir, '../../../fixtures/gluetun')

/** The lines of a file of tests/fixtures/gluetun. */
export async function recordings<T>(name: string): Promise<readonly T[]> {
  const text = await Bun.file(join(FOLDER, `${name}.jsonl`)).text()
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** The exchanges of a version. The same state at another time is another group. */
export async function exchangeGroups(dialect: DialectName): Promise<readonly ExchangeGroup[]> {
  const groups: (ExchangeGroup & { readonly exchanges: Exchange[] })[] = []
  for (const exchange of await recordings<Exchange>(dialect)) {
    const { auth, state } = exchange
    const last = groups.at(-1)
    if (last?.auth === auth && last.state === state) last.exchanges.push(exchange)
    else groups.push({ dialect, auth, state, exchanges: [exchange] })
  }
  return groups
}
