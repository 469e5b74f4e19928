import type { WarningCode } from './warnings.ts'

/** What was found at a start, once all engines were found. */
export interface StartFindings {
  /** The version of the container engine; null if it did not say. */
  readonly docker: string | null
  readonly image: {
    readonly name: string
    readonly state: 'present' | 'missing' | 'pulling' | 'unknown'
    /** The recipe of its engines; null if they are started without one. */
    readonly recipe: string | null
  }
  readonly engines: {
    readonly total: number
    /** Engines that this installation knew before the start. */
    readonly kept: number
    /** Engines that were found running and were not known before. */
    readonly adopted: number
    /** Engines that this installation knew before the start, and that were not there any more. */
    readonly gone: number
    /** Engines that were made from another image or by other settings, and are renewed when idle. */
    readonly outdated: number
    /** Engines whose HTTP port is published on all addresses of the host. */
    readonly open: number
  }
  readonly streams: number
  /** The nodes of the VPN; empty without one. */
  readonly vpn: readonly {
    readonly name: string
    readonly state: 'up' | 'down' | 'unknown'
    /** Whose control server it has. */
    readonly control: 'gluetun' | 'none'
  }[]
  /** The warnings in force. */
  readonly warnings: readonly WarningCode[]
  /** What the operator should know or do, one sentence or two each. */
  readonly advice: readonly string[]
}

/** What is known of a process before it has found anything. No member has a secret. */
export interface StartBasics {
  readonly version: string
  /** URLs at which it can be reached. */
  readonly addresses: readonly string[]
  /** The URL of the page for people. */
  readonly panel: string
  /** The path of the database. */
  readonly database: string
  readonly isKeyed: boolean
}

/** The start in one sentence. */
export function startSentence({ engines, streams, warnings }: StartFindings): string {
  const renewed =
    engines.outdated === 0
      ? ''
      : `${engines.outdated} of them made from another image or by other settings and renewed when idle, `
  const open = engines.open === 0 ? '' : `${engines.open} of them open on all addresses of the host, `
  const wrong = warnings.length === 0 ? 'nothing to be warned of' : `warnings: ${warnings.join(', ')}`
  return `${counted(engines.total, 'engine')}, ${renewed}${open}${counted(streams, 'stream')}, ${wrong}`
}

/** The members of the start in a log entry. */
export const startMembers = ({ engines, ...rest }: StartFindings, basics: StartBasics | null): object => ({
  ...(basics === null ? {} : membersOf(basics)),
  ...rest,
  ...engineMembers(engines),
})

const engineMembers = ({ total, ...rest }: StartFindings['engines']): object => ({ engines: total, ...rest })

const membersOf = ({ isKeyed, ...rest }: StartBasics): object => ({ ...rest, key: isKeyed })

/** The start as a block for people: a heading, then a line for each subject. Ends with a newline. */
export function startBlock(findings: StartFindings, basics: StartBasics): string {
  const { image, vpn, advice } = findings
  const nodes = vpn.map(
    ({ name, state, control }) =>
      `${name} is ${state}${control === 'none' ? ', without a control server (VPN_CONTROL=none)' : ''}`,
  )
  const rows: (readonly [string, string])[] = [
    ['API', basics.addresses.join(', ')],
    ['Panel', basics.panel],
    ['Database', basics.database],
    ['Docker', findings.docker ?? 'it does not say its version'],
    ['Image', `${image.name} ${IMAGE_WORDS[image.state]}`],
    ['Recipe', image.recipe ?? 'none'],
    ['Engines', enginesInWords(findings)],
    ['VPN', nodes.length === 0 ? 'none' : nodes.join(', ')],
    ['Key', basics.isKeyed ? 'yes' : 'no: whoever reaches these addresses may do everything'],
    ...(advice.length === 0
      ? [['Advice', 'none'] as const]
      : advice.map((each) => ['Advice', each] as const)),
  ]
  const lines = rows.map(([name, text]) => `  ${name.padEnd(WIDTH)}  ${text.replaceAll('\n', ' ')}\n`)
  return `Roundhouse ${basics.version} is ready\n${lines.join('')}`
}

/** The width of the names. */
const WIDTH = 'Database'.length

const IMAGE_WORDS = {
  present: 'is on this Docker host',
  missing: 'is not on this Docker host',
  pulling: 'is being pulled',
  unknown: 'could not be looked at yet',
} as const

function enginesInWords({ engines, streams }: StartFindings): string {
  const { total, kept, adopted, gone, outdated, open } = engines
  const lost = gone > 0 ? [`${gone} gone since the last time`] : []
  if (total === 0) return ['none', ...lost].join(', ')
  const started = total - kept - adopted
  const parts = [
    `${kept} kept`,
    `${adopted} adopted`,
    ...(started > 0 ? [`${started} started`] : []),
    ...lost,
    ...(outdated > 0 ? [`${outdated} outdated and renewed when idle`] : []),
    ...(open > 0 ? [`${open} open on all addresses of the host`] : []),
    `${counted(streams, 'stream')}`,
  ]
  return `${total}: ${parts.join(', ')}`
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
