import type { Engine, Vpn } from '../api/types.ts'
import type { Answer, Tone } from './verdict.ts'
import { count, msOf } from './words.ts'

type Node = Vpn['nodes'][number]

/** Whether only the health check is against a node: its engines stay listed, and none starts behind it. */
const onlyCheckFails = ({ state, health }: Node): boolean => state === 'unknown' && health === 'unhealthy'

/** Whether the VPN is really up, as one answer for all nodes. Null without a VPN. */
export function vpnAnswer({ enabled, nodes }: Vpn): Answer | null {
  if (!enabled) return null
  const up = nodes.filter(({ state }) => state === 'up').length
  const first = nodes.find(({ state }) => state !== 'up')
  const all = `${up} of ${count(nodes.length, 'node')}`
  const text = first?.reason ?? all
  const remedy =
    (first ?? nodes.find(({ control_problem }) => control_problem !== null))?.control_problem ?? null
  if (up === nodes.length) return { tone: 'ok', word: 'Up', text: all, remedy }
  if (nodes.every((node) => node.state === 'up' || onlyCheckFails(node)))
    return { tone: 'warn', word: 'Health check fails', text, remedy }
  if (nodes.every(({ state }) => state === 'unknown'))
    return { tone: 'unknown', word: 'Not known', text, remedy }
  return {
    tone: up > 0 ? 'warn' : 'bad',
    word: up > 0 ? `${up} of ${nodes.length} up` : 'Down',
    text,
    remedy,
  }
}

/** What a VPN that is not up means, and when its nodes are looked at again at the latest. */
export interface VpnTrouble {
  readonly tone: Tone
  readonly words: string
  /** Since when it is so; null if that is not known. */
  readonly since: string | null
  /** Why, and what to do, for each node that is not up. */
  readonly causes: readonly { readonly cause: string; readonly remedy: string | null }[]
  /** How many engines proxies are not told of for this. */
  readonly hidden: number
  readonly nextLookMs: number | null
}

/** Null while all nodes are up, and without a VPN. */
export function vpnTrouble(vpn: Vpn, engines: readonly Engine[]): VpnTrouble | null {
  const away = vpn.nodes.filter(({ state }) => state !== 'up')
  if (!vpn.enabled || away.length === 0) return null
  const isDown = away.some(({ state }) => state === 'down')
  const isDoubtful = away.every(onlyCheckFails)
  const names = new Set(away.map(({ container }) => container))
  const [since = null] = away.flatMap((node) => node.since ?? []).toSorted()
  const lastMs = Math.min(...away.map(({ last_check }) => msOf(last_check) ?? Number.NaN))
  return {
    tone: isDown ? (away.length < vpn.nodes.length ? 'warn' : 'bad') : isDoubtful ? 'warn' : 'unknown',
    words: isDoubtful ? DOUBTFUL_WORDS : troubleWords(vpn.nodes.length, away.length, isDown),
    since,
    causes: away.map(({ reason, container, control_problem: remedy }) => ({
      cause: reason ?? `${container} is not up`,
      remedy,
    })),
    hidden: engines.filter(({ listed, vpn_container }) => !listed && names.has(vpn_container ?? '')).length,
    nextLookMs: Number.isNaN(lastMs) ? null : lastMs + vpn.check_interval_s * 1_000,
  }
}

const DOUBTFUL_WORDS = 'The VPN works, though its health check fails'

function troubleWords(nodes: number, away: number, isDown: boolean): string {
  const state = isDown ? 'down' : 'not known yet'
  return nodes === 1 || away === nodes ? `The VPN is ${state}` : `${away} of ${nodes} VPN nodes are ${state}`
}

/** What one source says of a node. */
export interface Source {
  readonly name: string
  readonly says: string
  readonly tone: Tone
  /** When it last said so; null if it never did. */
  readonly at: string | null
  /** It said so too long ago to count. */
  readonly isOld: boolean
  /** It says the opposite of most others. */
  readonly dissents: boolean
}

type Said = Pick<Source, 'name' | 'says' | 'tone' | 'at'>

/** A source that has been silent for longer says nothing about now. */
const OLD_MS = 60_000

/** The sources of the verdict on a node, each with its age; those that say the opposite of most others are marked. */
export function sourcesOf(node: Node, nowMs: number): readonly Source[] {
  const said = [dockersWord(node), controlsWord(node), enginesWord(node), portsWord(node)].map((source) => {
    const atMs = msOf(source.at)
    return { ...source, isOld: atMs !== null && nowMs - atMs > OLD_MS }
  })
  const fresh = said.filter(({ isOld }) => !isOld)
  const [good, bad] = [countOf(fresh, 'ok'), countOf(fresh, 'bad')]
  // Bad signs count at once, so among equals the bad one is what is to be looked at.
  const odd: Tone | null = good === 0 || bad === 0 ? null : bad <= good ? 'bad' : 'ok'
  return said.map((source) => ({ ...source, dissents: !source.isOld && source.tone === odd }))
}

const countOf = (said: readonly Said[], tone: Tone): number =>
  said.filter((each) => each.tone === tone).length

function dockersWord({
  status,
  docker_health: health,
  docker_health_text: text,
  last_check: at,
}: Node): Said {
  const name = 'Docker'
  if (at === null) return { name, says: 'has not told of it yet', tone: 'unknown', at }
  if (status !== 'running') return { name, says: `its container is ${status}`, tone: 'bad', at }
  if (health === null) return { name, says: 'it runs, and has no health check', tone: 'unknown', at }
  const says = text === null ? `its health check says ${health}` : `its health check says ${health}: ${text}`
  return { name, says, tone: HEALTH_TONES[health] ?? 'unknown', at }
}

const HEALTH_TONES: Readonly<Record<string, Tone>> = { healthy: 'ok', unhealthy: 'bad', starting: 'busy' }

function controlsWord({
  control,
  vpn_status: word,
  control_problem: problem,
  last_control_check: at,
}: Node): Said {
  const name = 'Control server'
  if (control === 'none') return { name, says: 'it has none (VPN_CONTROL=none)', tone: 'unknown', at: null }
  if (word === null)
    return {
      name,
      says: problem ?? 'it has not answered yet',
      tone: problem === null ? 'unknown' : 'warn',
      at,
    }
  const tone = word === 'running' ? 'ok' : word === 'starting' ? 'busy' : 'bad'
  return { name, says: problem === null ? `its VPN is ${word}` : `its VPN is ${word}; ${problem}`, tone, at }
}

function enginesWord({ engines_say: word, engines }: Node): Said {
  const name = 'Engines'
  if (word === null) {
    const says = engines === 0 ? 'none is behind it' : 'none said lately that it was connected'
    return { name, says, tone: 'unknown', at: null }
  }
  const { connected, asked, last_heard: at } = word
  const tone = connected === asked ? 'ok' : 2 * connected < asked ? 'bad' : 'warn'
  return { name, says: `${connected} of ${asked} say that they are connected`, tone, at }
}

function portsWord({ forwarded_ports: ports, last_port_check: at }: Node): Said {
  const name = 'Port forwarding'
  const all = ports.join(', ')
  if (ports.length === 1) return { name, says: `port ${all} is forwarded`, tone: 'ok', at }
  if (ports.length > 1) return { name, says: `ports ${all} are forwarded`, tone: 'ok', at }
  return { name, says: at === null ? 'it is not known' : 'no port is forwarded', tone: 'unknown', at }
}
