import type { Status } from '../api/types.ts'
import type { Answer } from './verdict.ts'
import { count } from './words.ts'

type Host = Status['hosts'][number]

const TONES: Readonly<Record<Host['state'], Answer['tone']>> = {
  up: 'ok',
  paused: 'warn',
  drained: 'warn',
  lost: 'bad',
}

/** What a node of a swarm is like, in words. */
export function hostAnswer({
  name,
  address,
  state,
  engines,
  free,
}: Host): Answer & { readonly name: string } {
  const at = address === null ? '' : ` at ${address}`
  return {
    name: `${name}${at}`,
    tone: TONES[state],
    word: state,
    text: `${count(engines, 'engine')}, ${free} free`,
    remedy: null,
  }
}

/** What the only host of a Docker Engine is called in answers. */
const ONE_HOST = 'local'

/** The node of a swarm that an engine is on; null on a single Docker Engine. */
export const nodeOf = ({ host_name: name }: { readonly host_name: string }): string | null =>
  name === ONE_HOST ? null : name
