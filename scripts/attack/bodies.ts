import type { Attack, Outcome, Target } from './target.ts'
import { atOnce, keyed, nameOf, Tally } from './tools.ts'

/**
 * How many bodies are sent at a time. Each sender waits for its answer, so acexy's questions wait behind at most this many
 * bodies.
 */
const PLACES = 4
const PATIENCE_MS = 20_000

const NEST = 40_000
/** The largest accepted body according to the README. */
const BODY_BYTES = 65_536

/** Sends bodies of nothing but brackets to every path that takes a POST. */
export const nestedBodies: Attack = (target) =>
  sendBodies(target, [
    '['.repeat(NEST),
    `{"labels":${'['.repeat(NEST)}`,
    `{"labels":${'['.repeat(NEST / 2)}${']'.repeat(NEST / 2)}}`,
    `${'{"a":'.repeat(NEST / 5)}1${'}'.repeat(NEST / 5)}`,
  ])

/** Sends bodies of the largest size, bodies of many small members, and bodies that are too large. */
export const largeBodies: Attack = (target) =>
  sendBodies(target, [
    `{"labels":{"a":"${'a'.repeat(BODY_BYTES - 20)}"}}`,
    `{"image":"${'語'.repeat(Math.floor(BODY_BYTES / 3) - 10)}"}`,
    membersOf((n) => `"${n}":1`, '{', '}'),
    membersOf((n) => `"${n}":"x"`, '{"labels":{', '}}'),
    membersOf((n) => `"${n}":{}`, '{"engine":{"host":"x","port":1},"labels":{', '}}'),
    membersOf(() => '1', '{"ports":[', ']}'),
    membersOf(() => '{}', '{"ports":[', ']}'),
    `{"labels":{"a":"${'a'.repeat(1_000_000)}"}}`,
  ])

/** Makes a body with as many members as the size allows. */
function membersOf(member: (n: number) => string, open: string, close: string): string {
  const members: string[] = []
  for (let bytes = open.length + close.length; ; ) {
    const next = member(members.length)
    bytes += next.length + 1
    if (bytes > BODY_BYTES) return `${open}${members.join()}${close}`
    members.push(next)
  }
}

async function sendBodies(target: Target, bodies: readonly string[]): Promise<Outcome> {
  const paths = await postPaths(target)
  const statuses = new Tally()
  const failures = new Tally()
  let number = 0
  const send = async (): Promise<void> => {
    const turn = number++
    const path = paths[turn % paths.length] ?? '/'
    const body = bodies[Math.floor(turn / paths.length) % bodies.length] ?? ''
    const isKeyed = turn % 3 !== 0
    const headers = isKeyed ? keyed(target.key) : { 'content-type': 'application/json' }
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const answer = await fetch(`${target.far}${path}`, { method: 'POST', headers, body, signal })
    await answer.arrayBuffer()
    statuses.add(answer.status)
    if (answer.status === 500) failures.add(`POST ${path} with ${body.slice(0, 20)}…`)
  }
  await atOnce({ places: PLACES, seconds: target.seconds }, send, (error) => statuses.add(nameOf(error)))
  return {
    notes: [`${number} bodies to ${paths.length} paths: ${statuses}`],
    complaints: failures.names().map((name) => `answered with 500: ${name}`),
  }
}

/** Lists every path that takes a POST, according to the API document, with ids that do not exist. */
async function postPaths({ near }: Target): Promise<readonly string[]> {
  const answer = await fetch(`${near}/swagger/json`)
  const document = (await answer.json()) as { paths: Record<string, Record<string, unknown>> }
  const paths = Object.entries(document.paths).flatMap(([path, methods]) =>
    'post' in methods ? [path.replaceAll(/\{\w+\}/g, 'nothing-of-ours')] : [],
  )
  if (paths.length === 0) throw new Error('the API document has no path with a POST')
  return paths
}
