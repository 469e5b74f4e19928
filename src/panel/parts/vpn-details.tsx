import { useContext } from 'preact/hooks'
import type { Vpn } from '../api/types.ts'
import { canWatch } from '../reading/verdict.ts'
import { sourcesOf, vpnAnswer, vpnTrouble } from '../reading/vpn.ts'
import { count, duration, MISSING, sentence } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { Mark, State } from './state-mark.tsx'
import { Ago, Clock } from './when.tsx'

/** What a VPN that is not up means: the cause, what is hidden for it, and when it is looked at again. */
export function VpnTrouble() {
  const { fleet, now } = useContext(PanelContext)
  const vpn = fleet.vpn.value
  const trouble = vpn === null ? null : vpnTrouble(vpn, fleet.engines.all())
  if (trouble === null) return null
  const { tone, words, since, causes, hidden, nextLookMs } = trouble
  const leftMs = nextLookMs === null ? 0 : nextLookMs - now.value
  // The answer above says the first cause already, if it is why no viewer gets an engine.
  const status = fleet.status.value
  const above = status === null ? null : canWatch(status, fleet.engines.all(), vpn).text
  const isNews = ({ cause, remedy }: { readonly cause: string; readonly remedy: string | null }): boolean =>
    cause !== above || remedy !== null
  return (
    <section class={`banner vpn-trouble ${tone}`} aria-label="VPN">
      <Mark tone={tone} />
      <div class="words">
        <p>
          <strong>{words}</strong>
          {since !== null && (
            <>
              {' '}
              since <Clock at={since} />
            </>
          )}
        </p>
        <ul>
          {causes.filter(isNews).map(({ cause, remedy }) => (
            <li key={cause}>
              {sentence(cause)}
              {remedy !== null && <span class="remedy">{sentence(remedy)}</span>}
            </li>
          ))}
        </ul>
        <p class="more">
          {hidden === 0
            ? 'No engine is hidden for it; none starts behind it.'
            : `${count(hidden, 'engine is', 'engines are')} hidden from acexy until it is up; none starts behind it.`}{' '}
          {leftMs > 0 ? `It is looked at again in ${duration(leftMs)}.` : 'It is being looked at.'}
        </p>
      </div>
    </section>
  )
}

/** Each node of the VPN, with what each source says of it, how old that is, and which one says the opposite. */
export function VpnDetails({ id }: { readonly id: string }) {
  const { fleet } = useContext(PanelContext)
  const vpn = fleet.vpn.value
  if (vpn === null) return null
  return (
    <section class="card vpn-details" id={id} aria-label="VPN in detail">
      <h2>VPN</h2>
      {!vpn.enabled && <p class="empty">No VPN is configured: GLUETUN_CONTAINER_NAME names one.</p>}
      {vpn.nodes.map((node) => (
        <NodeDetails key={node.container} node={node} vpn={vpn} />
      ))}
      <p class="more">
        <a href="#/journal?kind=vpn">What happened to it</a>
      </p>
    </section>
  )
}

function NodeDetails({ node, vpn }: { readonly node: Vpn['nodes'][number]; readonly vpn: Vpn }) {
  const { now } = useContext(PanelContext)
  const answer = vpnAnswer({ ...vpn, nodes: [node] })
  const place = [node.country, node.city].filter((each) => each !== null).join(', ')
  return (
    <div class="node">
      <h3>
        <span class="mono">{node.container}</span>
        {answer !== null && <State tone={answer.tone} word={answer.word} />}
        {node.since !== null && (
          <span class="more">
            since <Clock at={node.since} />
          </span>
        )}
      </h3>
      <p class="more">
        Exit <span class="mono">{node.public_ip ?? MISSING}</span>
        {place !== '' && ` (${place})`}, {count(node.engines, 'engine')} behind it
      </p>
      <ul class="sources">
        {sourcesOf(node, now.value).map(({ name, says, tone, at, isOld, dissents }) => (
          <li key={name} class={isOld ? 'stale' : ''}>
            <Mark tone={isOld ? 'unknown' : tone} />
            <span class="source">{name}</span>
            <span class="says">
              {dissents && <strong class="dissents">Disagrees with the others: </strong>}
              {says}
            </span>
            <span class="age">
              {at === null ? MISSING : <Ago at={at} />}
              {isOld && ', too old to count'}
            </span>
          </li>
        ))}
      </ul>
      {node.control_problem !== null && node.vpn_status !== null && (
        <p class="remedy">{node.control_problem}</p>
      )}
    </div>
  )
}
