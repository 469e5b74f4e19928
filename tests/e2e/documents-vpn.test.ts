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

setDefaultTimeout(120_000)

const VPN = 'docs/VPN.md'
const BY_HAND = 'Set it up by hand'

/** What is different here from what the documents suppose. The commands themselves are as they are written. */
const DIFFERENT = {
  /** Changes are noticed sooner, so that nobody waits. */
  settings:
    'GLUETUN_HEALTH_CHECK_INTERVAL_S=1 VPN_STABLE_S=1 VPN_RECONNECT_GRACE_S=2 HEALTH_CHECK_INTERVAL_S=2',
  /** Headings before which a reader has chosen the other way, so nothing of the first one runs. */
  afresh: { [VPN]: [BY_HAND] } as Readonly<Record<string, readonly string[]>>,
  /** Documents for an installation that runs: that of VPN.md, made by hand. */
  supposes: ['docs/TROUBLESHOOTING.md', 'docs/SECURITY.md'] as readonly string[],
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

/** Runs a step, and checks that its output is the one that is shown. */
async function follow(path: string, { heading, commands, shown }: Step): Promise<void> {
  const printed = await terminal?.run(commands)
  const what = `${path}, ${heading}:\n${commands}\nprinted:\n${printed}`
  if (shown?.kind === 'text') expect(isAsShown(shown.text, printed ?? ''), what).toBe(true)
  if (shown?.kind === 'json')
    expect(differences(JSON.parse(shown.text), JSON.parse(printed ?? '')), what).toEqual([])
}

test.each([VPN, ...DIFFERENT.supposes])('%s does what it says', async (path) => {
  const { folder } = machine
  // A step that fails in the middle of a block ends the shell, and with it the test.
  const shell = machine.command(['sh', '-eu'], join(folder, 'work'))
  terminal = new Terminal(folder, { PATH: process.env.PATH ?? '', HOME: join(folder, 'home') }, shell)
  if (DIFFERENT.supposes.includes(path)) {
    const made = stepsOf(await read(VPN)).filter(({ heading }) => heading === BY_HAND)
    for (const step of made) await follow(VPN, step)
    await terminal.run(
      'until curl -s localhost:8000/engines | grep -q \'"status":"ready"\'; do sleep 0.2; done',
    )
  }
  const steps = stepsOf(await read(path))
  expect(steps.length).toBeGreaterThan(1)
  let before = ''
  for (const step of steps) {
    const isChoice = DIFFERENT.afresh[path]?.includes(step.heading) && step.heading !== before
    if (isChoice) await machine.clear()
    before = step.heading
    await follow(path, step)
  }
})
