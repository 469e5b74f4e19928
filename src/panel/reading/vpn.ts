import type { Vpn } from '../api/types.ts'
import type { Answer } from './verdict.ts'
import { count } from './words.ts'

/** Whether the VPN is really up, as one answer for all nodes. Null without a VPN. */
export function vpnAnswer({ enabled, nodes }: Vpn): Answer | null {
  if (!enabled) return null
  const up = nodes.filter(({ state }) => state === 'up').length
  const first = nodes.find(({ state }) => state !== 'up')
  const text = first?.reason ?? `${up} of ${count(nodes.length, 'node')}`
  const remedy = first?.control_problem ?? null
  if (up === nodes.length)
    return { tone: 'ok', word: 'Up', text: `${up} of ${count(nodes.length, 'node')}`, remedy }
  if (nodes.every(({ state }) => state === 'unknown'))
    return { tone: 'unknown', word: 'Not known', text, remedy }
  return {
    tone: up > 0 ? 'warn' : 'bad',
    word: up > 0 ? `${up} of ${nodes.length} up` : 'Down',
    text,
    remedy,
  }
}
