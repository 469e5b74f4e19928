import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { read } from '../support/documents.ts'
import { differences, isAsShown, type Step, stepsOf, Terminal } from '../support/guide.ts'
import type { Machine } from '../support/machine.ts'
import { openMachineForDocuments } from '../support/stand-ins.ts'

/*
 * Follows VPN.md, TROUBLESHOOTING.md and SECURITY.md as a person would, on a machine of their own: one terminal for each
 * document, every command as it is written, and its output as it is shown.
 */

setDefaultTimeout(240_000)

const VPN = 'docs/VPN.md'
const BY_HAND = 'Set it up by hand'

/** What is different here from what the documents suppose. The commands themselves are as they are written. */
const DIFFERENT = {
  /** Changes are noticed sooner, so that nobody waits. */
  settings:
    'GLUETUN_HEALTH_CHECK_INTERVAL_S=1 VPN_STABLE_S=1 VPN_RECONNECT_GRACE_S=2 HEALTH_CHECK_INTERVAL_S=2',
  /** Documents for an installation that runs: that of VPN.md, made by hand. */
  supposes: ['docs/TROUBLESHOOTING.md', 'docs/SECURITY.md'] as readonly string[],
}

interface Planted {
  /** Commands that cause the fault, and wait until somebody can see it. */
  readonly by: string
  /** Where a reader looks, and a word of the cause that has to be printed there. */
  readonly found: readonly (readonly [path: string, heading: string, word: string])[]
}

const GUIDE = 'docs/TROUBLESHOOTING.md'

/** Faults one after another, each with the symptoms under which somebody looks for it. */
const PLANTED: Readonly<Record<string, Planted>> = {
  'a proxy with a wrong key': {
    by: `curl -s -o refused.json -X POST "$URL/events/stream_started" -H 'Authorization: Bearer wrong' -d '{}'`,
    found: [
      [GUIDE, 'First look', '"code":"events_refused"'],
      [GUIDE, 'Videos play, and /streams is empty', 'from 127.0.0.1: wrong key'],
    ],
  },
  'an engine that somebody drained, and no other may be started': {
    by: `curl -s -o drained.json -X POST "$URL/engines/acestream-1/drain" -H "Authorization: Bearer $API_KEY"
      until curl -s "$URL/engines?status=all" | grep -q 'it is draining'; do sleep 0.2; done`,
    found: [[GUIDE, 'No engine is listed, though containers run', '"it is draining"']],
  },
  'a Gluetun that was stopped': {
    by: `docker stop gluetun
      until curl -s "$URL/vpn/status" | grep -q '"connected":false'; do sleep 0.2; done
      curl -s -o refused.json -X POST "$URL/provision/acestream" -H "Authorization: Bearer $API_KEY"`,
    found: [
      [GUIDE, 'A 503 after 9, 45 or 90 seconds', 'VPN not available'],
      [GUIDE, 'A 503 at once', '"VPN not connected"'],
      [VPN, 'When the VPN fails', 'is not running (exited)'],
      [VPN, 'When the VPN fails', 'gluetun does not run'],
    ],
  },
}

let machine: Machine
let terminal: Terminal | undefined

beforeAll(async () => {
  machine = await openMachineForDocuments()
  const dockerfile = `FROM roundhouse:latest\nENV ${DIFFERENT.settings}\n`
  await machine.run(`docker build --quiet --tag roundhouse:latest - <<'END'\n${dockerfile}END\n`)
}, 240_000)
afterEach(async () => {
  await terminal?.close()
  await machine?.clear()
})
afterAll(() => machine?.close())

/** Opens a terminal in the folder of the project. A step that fails in the middle of a block ends the shell, and the test. */
function openTerminal(): Terminal {
  const { folder } = machine
  const env = { PATH: process.env.PATH ?? '', HOME: join(folder, 'home') }
  terminal = new Terminal(folder, env, machine.command(['sh', '-eu'], join(folder, 'work')))
  return terminal
}

const stepsBelow = async (path: string, heading: string): Promise<readonly Step[]> =>
  stepsOf(await read(path)).filter((step) => step.heading === heading)

/** Makes the installation of VPN.md, and waits for its first engine. */
async function install(): Promise<void> {
  for (const step of await stepsBelow(VPN, BY_HAND)) await follow(VPN, step)
  await terminal?.run(
    'until curl -s localhost:8000/engines | grep -q \'"status":"ready"\'; do sleep 0.2; done',
  )
}

/** Runs a step, and checks that its output is the one that is shown. */
async function follow(path: string, { heading, commands, shown }: Step): Promise<void> {
  const printed = await terminal?.run(commands)
  const what = `${path}, ${heading}:\n${commands}\nprinted:\n${printed}`
  if (shown?.kind === 'text') expect(isAsShown(shown.text, printed ?? ''), what).toBe(true)
  if (shown?.kind === 'json')
    expect(differences(JSON.parse(shown.text), JSON.parse(printed ?? '')), what).toEqual([])
}

test.each([VPN, ...DIFFERENT.supposes])('%s does what it says', async (path) => {
  openTerminal()
  if (DIFFERENT.supposes.includes(path)) await install()
  const steps = stepsOf(await read(path))
  expect(steps.length).toBeGreaterThan(1)
  for (const step of steps) await follow(path, step)
})

test('faults that are planted are found below their symptoms', async () => {
  const shell = openTerminal()
  await install()
  for (const step of await stepsBelow(GUIDE, 'First look')) await follow(GUIDE, step)
  for (const [fault, { by, found }] of Object.entries(PLANTED)) {
    await shell.run(by)
    for (const [path, heading, word] of found) {
      let printed = ''
      for (const { commands } of await stepsBelow(path, heading)) printed += await shell.run(commands)
      expect(printed, `${fault}: ${path}, ${heading}`).toContain(word)
    }
  }
})
