/**
 * Measures how much processor time of the main thread one body costs. The whole application runs in this process, on the
 * runtime in memory. Every route that takes a body gets the bodies below 64 kB that cause the most work: deep, wide, wrong
 * in every member, long, escaped, cut off.
 */

import { Rig } from '../../tests/support/rig.ts'
import { type Bench, runBenchmarks } from './harness.ts'
import { measured, type Report, target } from './report.ts'

const BYTES = 65_000
const LEVELS = 20
const MEMBERS = 1_000
const WARM_UP = 20
/** Many rounds are needed, because the system counts a thread's time in steps of some milliseconds. */
const ROUNDS = 200
const TARGET_MS = 5

const PATHS = ['/provision/acestream', '/provision', '/events/stream_started', '/events/stream_ended']

/** Repeats a piece as often as the size allows. */
const filled = (piece: string): string => piece.repeat(Math.floor(BYTES / piece.length))
/** Makes as many members as are accepted, or as fit. */
const members = (member: (n: number) => string, count = MEMBERS - 10): string => {
  const parts: string[] = []
  for (let n = 0, bytes = 0; n < count && bytes < BYTES - 100; n++) {
    const part = member(n)
    parts.push(part)
    bytes += part.length + 1
  }
  return parts.join(',')
}
const deep = (open: string, inner: string, close: string): string =>
  open.repeat(LEVELS - 1) + inner + close.repeat(LEVELS - 1)

const BODIES: Readonly<Record<string, string>> = {
  'nested lists, too many': '['.repeat(BYTES),
  'nested objects, too many': filled('{"a":'),
  'lists of lists, as many as fit': `[${members(() => deep('[', '', ']'))}]`,
  'objects in objects, as many as fit': `{${members((n) => `"${n}":${deep('{"a":', '0', '}')}`)}}`,
  'numbers where an object belongs': `[${members(() => '0')}]`,
  'labels, too many': `{"labels":{${members((n) => `"${n}":1`, BYTES)}}}`,
  'labels with long names, each wrong': `{"labels":{${members((n) => `"${n}/~${'x'.repeat(50)}":1`)}}}`,
  'labels, each wrong': `{"labels":{${members((n) => `"${n}":1`)}}}`,
  'labels, the last one wrong': `{"labels":{${members((n) => `"k${n}":""`)},"z":1}}`,
  'labels of ours, each refused': `{"labels":{${members((n) => `"roundhouse.${n}":""`)}}}`,
  'variables, each wrong': `{"env":{${members((n) => `"=${n}":""`)}}}`,
  'ports, each wrong': `{"ports":{${members((n) => `"${n}":0`)}}}`,
  'names of members, each another': `{${members((n) => `"${n}":0`)}}`,
  'one name over and over': `{${members(() => '"labels":1')}}`,
  'a long name': `{"labels":{"${'x'.repeat(BYTES)}":1}}`,
  'a name of nothing but slashes': `{"labels":{"${'/~'.repeat(BYTES / 2)}":1}}`,
  'a long image': `{"image":"${'a'.repeat(BYTES)}"}`,
  'an image of many parts': `{"image":"${filled('a/')}"}`,
  'an image of separators': `{"image":"${filled('a__')}!"}`,
  'a long prefix': `{"name_prefix":"${'a'.repeat(BYTES)}"}`,
  'a long id': `{"stream_id":"${'x'.repeat(BYTES)}"}`,
  'escapes alone': `{"image":"${filled('\\u0000')}"}`,
  'a text without an end': `{"image":"${'\\"'.repeat(BYTES / 2)}`,
  'a long number': `{"host_port":${'9'.repeat(BYTES)}}`,
  blanks: ' '.repeat(BYTES),
  'brackets after the end': `{}${']'.repeat(BYTES)}`,
}

/** Measures bodies; see the top of the file. */
export async function measureBodies(bench: Bench): Promise<Report> {
  // The fleet is at its capacity, so that no body starts an engine.
  const rig = await new Rig({ MAX_REPLICAS: '1', MIN_REPLICAS: '1' }).start()
  bench.defer(() => rig.dispose())
  await rig.clock.advance(60_000)
  const rows = []
  for (const [name, body] of Object.entries(BODIES)) {
    const costs: number[] = []
    for (const path of PATHS) costs.push(await costOf(rig, path, body))
    rows.push(measured(name, 'ms', costs))
  }
  const worst = rows.toSorted((one, other) => other.max - one.max)[0]
  if (worst === undefined) throw new Error('no body was sent')
  return {
    name: 'bodies',
    notes: [
      `Each to the ${PATHS.length} routes that take one: the processor time of one by ${ROUNDS} of them, after ${WARM_UP} of warm-up; in this process, by Bun itself.`,
      `The dearest: ${worst.what}.`,
    ],
    measured: rows,
    targets: [
      target({
        what: 'the dearest, where it costs most',
        value: worst.max,
        unit: 'ms',
        bound: 'at most',
        target: TARGET_MS,
      }),
    ],
  }
}

/** Milliseconds of the main thread for one body. */
async function costOf(rig: Rig, path: string, body: string): Promise<number> {
  for (let n = 0; n < WARM_UP; n++) await send(rig, path, body)
  const began = process.threadCpuUsage()
  for (let n = 0; n < ROUNDS; n++) await send(rig, path, body)
  const { user, system } = process.threadCpuUsage(began)
  return (user + system) / 1_000 / ROUNDS
}

async function send(rig: Rig, path: string, body: string): Promise<void> {
  const { status } = await rig.during(rig.request('POST', path, body))
  if (status === 413) throw new Error(`a body of ${body.length} bytes was too large`)
}

if (import.meta.main) await runBenchmarks([measureBodies])
