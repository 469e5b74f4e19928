import type { Engine, JournalEntry, Status, Vpn } from '../api/types.ts'
import { silenceOf } from './docker.ts'
import { imageAnswer } from './image.ts'
import type { Answer, Tone } from './verdict.ts'
import { vpnAnswer } from './vpn.ts'
import { count, timeText } from './words.ts'

/** One line of the checklist. A null tone is a fact that is neither good nor bad. */
export interface Step extends Omit<Answer, 'tone'> {
  readonly id: 'docker' | 'image' | 'vpn' | 'engine' | 'proxy'
  readonly name: string
  readonly tone: Tone | null
}

export interface FirstRunFacts {
  readonly status: Status
  readonly vpn: Vpn | null
  readonly engines: readonly Engine[]
  /** What is known of the journal. */
  readonly journal: readonly Pick<JournalEntry, 'kind'>[]
}

/** Whether an engine has ever worked here, as far as the books and the journal reach back. */
const hasProvisioned = ({ status, engines, journal }: FirstRunFacts): boolean =>
  engines.some((engine) => engine.status === 'ready') ||
  status.streams.total > 0 ||
  journal.some(({ kind }) => kind === 'engine.ready')

/** Whether a proxy has ever asked, or reported a stream. */
const hasHeard = ({ status }: FirstRunFacts): boolean =>
  status.proxies.last_heard !== null || status.streams.total > 0

/** Whether everything was seen to work once. */
export const isFirstRunOver = (facts: FirstRunFacts): boolean => hasProvisioned(facts) && hasHeard(facts)

/** What has to be so before a viewer can watch, in the order in which it is to be put right. */
export const checklist = (facts: FirstRunFacts): readonly Step[] => [
  { id: 'docker', name: 'Docker', ...dockerStep(facts.status) },
  { id: 'image', name: 'Image', ...imageAnswer(facts.status) },
  { id: 'vpn', name: 'VPN', ...vpnStep(facts.vpn) },
  { id: 'engine', name: 'An engine', ...engineStep(facts) },
  { id: 'proxy', name: 'acexy', ...proxyStep(facts) },
]

function dockerStep(status: Status): Answer {
  const silence = silenceOf(status)
  if (silence === null) return { tone: 'ok', word: 'Answers', text: '', remedy: null }
  const { message, remedy, since } = silence
  return { tone: 'bad', word: `Silent since ${timeText(since)}`, text: message, remedy }
}

function vpnStep(vpn: Vpn | null): Omit<Step, 'id' | 'name'> {
  if (vpn === null) return { tone: 'unknown', word: 'Not known', text: '', remedy: null }
  return (
    vpnAnswer(vpn) ?? {
      tone: null,
      word: 'Not configured',
      text: 'engines reach the outside as this machine does',
      remedy: 'to put them behind Gluetun, set GLUETUN_CONTAINER_NAME and GLUETUN_PORT_RANGE',
    }
  )
}

function engineStep(facts: FirstRunFacts): Answer {
  const { engines } = facts
  const ready = engines.filter(({ status }) => status === 'ready').length
  if (hasProvisioned(facts))
    return {
      tone: 'ok',
      word: ready === 0 ? 'Has run' : ready === 1 ? 'Runs' : `${ready} run`,
      text: '',
      remedy: null,
    }
  if (engines.length > 0)
    return { tone: 'busy', word: 'Starting', text: count(engines.length, 'engine'), remedy: null }
  return {
    tone: 'unknown',
    word: 'None yet',
    text: '',
    remedy: 'start one by the button above, or by this line',
  }
}

function proxyStep(facts: FirstRunFacts): Answer {
  const { proxies, warnings } = facts.status
  if (hasHeard(facts)) {
    const container = proxies.heard[0]?.container ?? null
    const text = container === null ? '' : `in the container ${container}`
    return { tone: 'ok', word: 'Seen', text, remedy: null }
  }
  return {
    tone: 'unknown',
    word: 'Not seen yet',
    text: 'it asks every 30 s once it knows this address',
    remedy:
      warnings.find(({ code }) => code === 'no_proxy_heard')?.remedy ??
      'give acexy these settings, and restart it',
  }
}

/** Whether an address means the machine that uses it, so that it is another one in a container. */
export const isOwnAddress = (url: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
