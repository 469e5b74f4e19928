import type { Warning } from '../../core/reporting/warnings.ts'
import { LASTING_MS } from '../../core/vpn/node-state.ts'
import type { VpnNode } from './vpn-nodes.ts'

/**
 * The warning about tunnels of which only engines can tell whether they are dead: those that engines call dead, and those
 * behind which no engine was ever connected. Null if there is none.
 */
export function doubtWarning(nodes: readonly VpnNode[], nowMs: number, isGluetun: boolean): Warning | null {
  const told = nodes.flatMap((node) => lostText(node, nowMs) ?? neverText(node, nowMs) ?? [])
  if (told.length === 0) return null
  const check = isGluetun ? 'its own health check' : 'a health check that looks through its VPN'
  return {
    message: told.join('; '),
    remedy:
      'see docker logs of that container, and restart that container if its VPN does not come back by itself; with ' +
      `${check} it would be noticed sooner. If its VPN works, the engines are the cause: Roundhouse restarts one of them ` +
      'now and then to find that out, unless VPN_RESTART_ENGINES_ON_RECONNECT=false',
  }
}

function lostText({ name, verdict: { doubt } }: VpnNode, nowMs: number): string | null {
  if (doubt === null || !doubt.needsProof || nowMs - doubt.sinceMs < LASTING_MS) return null
  return (
    `${name} ${doubt.words} (so since ${isoOf(doubt.sinceMs)}), and nothing else can tell. Its engines are hidden, and none ` +
    'starts behind it, until an engine is connected or a stream moves'
  )
}

function neverText({ name, verdict, neverConnected: never }: VpnNode, nowMs: number): string | null {
  if (never === null || verdict.state === 'down' || nowMs - never.sinceMs < LASTING_MS) return null
  return (
    `none of the ${never.asked} engines behind ${name} has said that it is connected, and nothing else can tell whether its ` +
    `tunnel works (so since ${isoOf(never.sinceMs)})`
  )
}

const isoOf = (ms: number): string => new Date(ms).toISOString()
