import { useContext } from 'preact/hooks'
import type { Api } from '../api/api.ts'
import { checklist, isFirstRunOver, isOwnAddress, type Step } from '../reading/first-run.ts'
import { sentence } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { PullProgress } from './pull-progress.tsx'
import { Mark } from './state-mark.tsx'

/** The address that shows the checklist also after the first run. */
export const CHECKLIST = '#/overview?checklist'

/** What has to be so before the first viewer can watch. It goes by itself when all of it was seen to work once. */
export function FirstRun() {
  const { fleet, route } = useContext(PanelContext)
  const facts = useFacts()
  if (facts === null) return null
  const isOver = isFirstRunOver(facts)
  const isWanted = route.value.query.has('checklist')
  if (isOver && !isWanted) return null
  const pull = fleet.status.value?.image.pull ?? null
  return (
    <section class="card first-run" aria-label="Checklist">
      <h2>
        Checklist <span class="count">{isOver ? 'all of it has worked' : 'before the first viewer'}</span>
        {isWanted && <a href="#/overview">Hide</a>}
      </h2>
      <ol class="checklist">
        {checklist(facts).map((step) => (
          <li key={step.id} class={step.id}>
            <StepLine step={step} />
            {step.id === 'image' && pull !== null && <PullProgress pull={pull} />}
            {step.id === 'engine' && step.tone !== 'ok' && <ByCurl />}
            {step.id === 'proxy' && (step.tone !== 'ok' || isWanted) && <ForAcexy />}
          </li>
        ))}
      </ol>
    </section>
  )
}

/** Whether the checklist is on screen by itself, so that it tells what else would be told twice. */
export function useIsFirstRun(): boolean {
  const facts = useFacts()
  return facts !== null && !isFirstRunOver(facts)
}

function useFacts() {
  const { fleet } = useContext(PanelContext)
  const status = fleet.status.value
  return status === null
    ? null
    : { status, vpn: fleet.vpn.value, engines: fleet.engines.all(), journal: fleet.journal.value }
}

function StepLine({ step: { name, tone, word, text, remedy } }: { readonly step: Step }) {
  return (
    <p>
      {tone === null ? <span class="mark none" aria-hidden="true" /> : <Mark tone={tone} />}
      <span>
        <strong>{name}:</strong> {word}
        {text !== '' && <span class="step-text">, {text}</span>}
        {remedy !== null && <span class="remedy">{sentence(remedy)}</span>}
      </span>
    </p>
  )
}

/** A line to copy by selecting it: there is no clipboard where the page came by plain http. */
function ByCurl() {
  const { api } = useContext(PanelContext)
  const url = api.address('provision/acestream')
  return (
    <>
      <pre>{`curl -X POST ${url} -H 'Content-Type: application/json' -d '{}'`}</pre>
      <p class="more">
        With API_KEY set, add: <code>-H "Authorization: Bearer $API_KEY"</code>
      </p>
    </>
  )
}

function ForAcexy() {
  const { api } = useContext(PanelContext)
  const root = rootOf(api)
  const lines = [...urlLines(root), 'ACEXY_ORCH_APIKEY=the API_KEY of Roundhouse, if it has one']
  return (
    <>
      <pre>{lines.join('\n')}</pre>
      <p class="more">
        {isOwnAddress(root)
          ? 'Usual on the first day: in a bridged container localhost is acexy itself. Let acexy share the host’s network, or give it an address of this machine that it can reach.'
          : 'Usual on the first day: acexy cannot reach this address from its container, or has another key. Its log says so.'}
      </p>
    </>
  )
}

/** At an address of this machine the page cannot know where acexy runs: the usual slip is to give that to a container. */
function urlLines(root: string): readonly string[] {
  const url = `ACEXY_ORCH_URL=${root}`
  if (!isOwnAddress(root)) return [url]
  const inContainer = `ACEXY_ORCH_URL=http://name-of-Roundhouses-container${portOf(root)}`
  return [
    "# acexy on this machine, or in a container with the host's network (then also ENGINE_ADVERTISE=host here):",
    url,
    '# acexy in a container of a network that Roundhouse is in, too:',
    inContainer,
  ]
}

const portOf = (root: string): string => /:\d+$/.exec(root)?.[0] ?? ''

const rootOf = (api: Api): string => api.address('').replace(/\/$/, '')
